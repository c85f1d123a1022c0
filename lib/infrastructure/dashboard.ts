import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { metricNames } from "../aws/metric-names";
import { pipelineMetric, type Alarms } from "./alarms";
import type { HintsQueue } from "./hints-queue";

interface DashboardProps {
  readonly stackName: string;
  readonly alarms: Alarms;
  readonly hints: HintsQueue;
  readonly functions: Readonly<Record<string, lambda.IFunction>>;
}

/** One page: are there alarms, how many images came to what end, what waits, what fails, what it costs. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, { stackName, alarms, hints, functions }: DashboardProps) {
    super(scope, id);
    const { planned, succeeded, failed, skipped, seconds, cost } = metricNames;
    const of = (...names: string[]): cloudwatch.IMetric[] => names.map((name) => pipelineMetric(stackName, name));
    const half = 12;
    new cloudwatch.Dashboard(this, "Page", {
      widgets: [
        [new cloudwatch.AlarmStatusWidget({ title: "Alarms", alarms: alarms.all, width: 24 })],
        [
          new cloudwatch.GraphWidget({ title: "Images", left: of(planned, succeeded, failed, skipped), width: half }),
          new cloudwatch.GraphWidget({
            title: "Worker seconds and estimated cost",
            left: of(seconds),
            right: of(cost),
            width: half,
          }),
        ],
        [
          new cloudwatch.GraphWidget({
            title: "Events waiting",
            left: [
              hints.queue.metricApproximateNumberOfMessagesVisible(),
              hints.deadLetters.metricApproximateNumberOfMessagesVisible(),
            ],
            width: half,
          }),
          new cloudwatch.GraphWidget({
            title: "Handlers: errors and duration",
            width: half,
            left: Object.entries(functions).map(([label, handler]) =>
              handler.metricErrors({ label: `${label} errors` }),
            ),
            right: Object.entries(functions).map(([label, handler]) =>
              handler.metricDuration({ label: `${label} ms` }),
            ),
          }),
        ],
      ],
    });
  }
}
