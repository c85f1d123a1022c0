import { CytolensError } from "../contract/errors";
import { metricNamespace, type MetricName } from "./metric-names";

type Fields = Readonly<Record<string, unknown>>;

/** One JSON object a line, as CloudWatch Logs Insights reads them. */
export interface StructuredLog {
  info(message: string, fields?: Fields): void;
  error(message: string, error: unknown, fields?: Fields): void;
  /** CloudWatch makes metrics of this line (embedded metric format); units: counts, "Seconds", or none. */
  metrics(values: Partial<Record<MetricName, number>>, fields?: Fields): void;
}

export function structuredLog(
  stack: string,
  write: (line: string) => void = (line) => console.log(line),
  now: () => number = Date.now,
): StructuredLog {
  const line = (fields: Fields): void => write(JSON.stringify(fields));
  return {
    info: (message, fields) => line({ level: "info", message, stack, ...fields }),
    error: (message, error, fields) => line({ level: "error", message, stack, ...fields, ...described(error) }),
    metrics: (values, fields) =>
      line({
        ...fields,
        Stack: stack,
        ...values,
        _aws: {
          Timestamp: now(),
          CloudWatchMetrics: [
            {
              Namespace: metricNamespace,
              Dimensions: [["Stack"]],
              Metrics: Object.keys(values).map((Name) => ({
                Name,
                Unit: Name.endsWith("Seconds") ? "Seconds" : Name === "EstimatedCostUsd" ? "None" : "Count",
              })),
            },
          ],
        },
      }),
  };
}

function described(error: unknown): Fields {
  if (error instanceof CytolensError) return { error: error.name, code: error.code, reason: error.message };
  if (error instanceof Error) return { error: error.name, reason: error.message, trace: error.stack };
  return { error: "unknown", reason: String(error) };
}
