import type { Summary } from "../../contract/summary";

/** What people are sent when a batch is done. */
export function noticeOf({ counts, failures, failuresLeftOut, classCounts }: Summary): string {
  const classes = Object.entries(classCounts).map(([name, count]) => `  ${name}: ${count}`);
  const failed = failures.slice(0, 10).map(({ key, failure }) => `  ${JSON.stringify(key)}: ${failure.message}`);
  const more = failures.length - failed.length + failuresLeftOut;
  return [
    `${counts.succeeded} of ${counts.planned} images succeeded, ${counts.failed} failed, ${counts.skipped} were skipped.`,
    ...(classes.length > 0 ? ["Classes:", ...classes] : []),
    ...(failed.length > 0 ? ["Failures:", ...failed, ...(more > 0 ? [`  and ${more} more`] : [])] : []),
  ].join("\n");
}
