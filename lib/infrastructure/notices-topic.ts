import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as sns from "aws-cdk-lib/aws-sns";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Construct } from "constructs";
import type { Configuration } from "./configuration";

/** Where notices and alarms go: to the configured address, and to whoever else subscribes. Over TLS alone. */
export function noticesTopic(scope: Construct, { notificationEmail }: Configuration): sns.Topic {
  const topic = new sns.Topic(scope, "Notices", { displayName: "Cytolens", enforceSSL: true });
  // A topic with a policy of its own has lost the default one, by which the services of the account may publish.
  topic.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: "AlarmsOfThisAccount",
      principals: [new iam.ServicePrincipal("cloudwatch.amazonaws.com")],
      actions: ["sns:Publish"],
      resources: [topic.topicArn],
      conditions: { StringEquals: { "aws:SourceAccount": Stack.of(scope).account } },
    }),
  );
  if (notificationEmail !== undefined) topic.addSubscription(new EmailSubscription(notificationEmail));
  return topic;
}
