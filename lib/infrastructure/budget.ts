import { Stack } from "aws-cdk-lib";
import * as budgets from "aws-cdk-lib/aws-budgets";
import type { Construct } from "constructs";

/** Tag that every resource of the stack carries, by which its cost can be told from the account's. */
export const costTag = "cytolens:stack";

const warnAtPercent = [50, 80, 100];

/** Mails when the stack's month comes near the limit. The account must have activated the tag for cost allocation. */
export function budgetAlarm(
  scope: Construct,
  { monthlyUsd, email }: { readonly monthlyUsd: number; readonly email: string },
): budgets.CfnBudget {
  return new budgets.CfnBudget(scope, "Budget", {
    budget: {
      budgetType: "COST",
      timeUnit: "MONTHLY",
      budgetLimit: { amount: monthlyUsd, unit: "USD" },
      costFilters: { TagKeyValue: [`user:${costTag}$${Stack.of(scope).stackName}`] },
    },
    notificationsWithSubscribers: warnAtPercent.map((threshold) => ({
      notification: {
        notificationType: "ACTUAL",
        comparisonOperator: "GREATER_THAN",
        thresholdType: "PERCENTAGE",
        threshold,
      },
      subscribers: [{ subscriptionType: "EMAIL", address: email }],
    })),
  });
}
