import { Duration } from "aws-cdk-lib";
import * as cloudwatch from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import type * as sns from "aws-cdk-lib/aws-sns";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { HintsQueue } from "./hints-queue";
import { metricNames, metricNamespace } from "../aws/metric-names";

/** Each alarm says what happened in its description; docs/runbook.md has a section of the same name for what to do. */
export const alarmNames = [
  "hints-dead-letters",
  "collect-dead-letters",
  "reconcile-dead-letters",
  "hints-too-old",
  "plan-errors",
  "collect-errors",
  "reconcile-errors",
  "failed-images",
  "late-batches",
  "old-runs",
] as const;
export type AlarmName = (typeof alarmNames)[number];

interface AlarmsProps {
  readonly stackName: string;
  readonly topic: sns.Topic;
  readonly hints: HintsQueue;
  readonly collectDeadLetters: sqs.Queue;
  readonly reconcileDeadLetters: sqs.Queue;
  readonly plan: lambda.IFunction;
  readonly collect: lambda.IFunction;
  readonly reconcile: lambda.IFunction;
}

const period = Duration.minutes(5);
const oldestHintSeconds = Duration.hours(1).toSeconds();
/** Longer than a run waits for capacity twice over, unless the lab has it wait longer. */
const oldestRunSeconds = Duration.hours(24).toSeconds();

export class Alarms extends Construct {
  readonly all: cloudwatch.Alarm[] = [];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: AlarmsProps,
  ) {
    super(scope, id);
    const { hints } = props;
    this.add("hints-dead-letters", "Upload events or ticks failed five times", waiting(hints.deadLetters));
    this.add("collect-dead-letters", "Job events could not be delivered or handled", waiting(props.collectDeadLetters));
    this.add(
      "reconcile-dead-letters",
      "The scheduled reconciler failed three times",
      waiting(props.reconcileDeadLetters),
    );
    this.add(
      "hints-too-old",
      "Upload events have waited for over an hour",
      hints.queue.metricApproximateAgeOfOldestMessage({ period }),
      oldestHintSeconds,
    );
    this.add("plan-errors", "The planner fails", props.plan.metricErrors({ period }));
    this.add("collect-errors", "The collector fails", props.collect.metricErrors({ period }));
    this.add("reconcile-errors", "The reconciler fails", props.reconcile.metricErrors({ period }));
    this.add(
      "failed-images",
      "Images of a collected batch failed",
      pipelineMetric(props.stackName, metricNames.failed),
    );
    this.add(
      "late-batches",
      "The reconciler had to finish what events should have",
      pipelineMetric(props.stackName, metricNames.reconciled),
    );
    this.add(
      "old-runs",
      "A run has not been finished for a day",
      pipelineMetric(props.stackName, metricNames.oldestRun, "Maximum"),
      oldestRunSeconds,
    );
  }

  private add(name: AlarmName, what: string, metric: cloudwatch.IMetric, threshold = 1): void {
    const alarm = new cloudwatch.Alarm(this, name, {
      alarmDescription: `${what}. What to do: docs/runbook.md#${name}`,
      metric,
      threshold,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.props.topic));
    this.all.push(alarm);
  }
}

const waiting = (queue: sqs.Queue): cloudwatch.Metric =>
  queue.metricApproximateNumberOfMessagesVisible({ period, statistic: "Maximum" });

/** What the handlers write in embedded metric format. */
export function pipelineMetric(
  stackName: string,
  metricName: string,
  statistic: "Sum" | "Maximum" = "Sum",
): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { Stack: stackName },
    statistic,
    period,
  });
}
