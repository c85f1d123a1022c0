import { randomUUID } from "node:crypto";
import { RunIdentity, sha256Of, workIdOf } from "../../contract/digests";
import { engineVersion } from "../../contract/engine-version";
import type { BatchName } from "../../contract/names";
import { draftPageKey, draftProgressKey, incomingBatchPrefix, incomingObject } from "../../contract/object-keys";
import type { WorkItem } from "../../contract/plan";
import { draftProgress, type Closing, type DraftProgress } from "../../contract/planning";
import type { ListPage, ObjectFacts } from "../../storage/object-store";
import { createDocument, readDocument, replaceDocument } from "../../bucket/documents";
import { EarlierWork } from "./earlier-work";
import type { Frozen } from "./freeze-settings";
import type { Pipeline } from "../ports";
import { withRetries } from "../../bucket/retry";
import { readPlans } from "../../bucket/runs";

export const itemsPerPage = 1000;
const longestPlanningMilliseconds = 15 * 60 * 1000;
const leaseMarginMilliseconds = 60 * 1000;

export type Drafted =
  | { readonly state: "done"; readonly progress: DraftProgress }
  | { readonly state: "continues"; readonly draft: string }
  | { readonly state: "busy"; readonly until: Date };

/** Begins a draft: freezes what the run will be made of. */
export async function beginDraft(
  pipeline: Pipeline,
  batch: BatchName,
  { settings, model }: Frozen,
): Promise<DraftProgress> {
  const now = pipeline.clock.now();
  const draft = `${now.toISOString().replaceAll(/[-:.]/g, "")}-${randomUUID().slice(0, 8)}`;
  const identity = RunIdentity.begin(settings, model.sha256, engineVersion);
  const progress: DraftProgress = {
    schemaVersion: 1,
    batch,
    draft,
    startedAt: now.toISOString(),
    leaseUntil: leaseUntil(pipeline).toISOString(),
    settings,
    modelSha256: model.sha256,
    after: null,
    identityState: identity.state,
    itemsState: sha256Of(""),
    pages: 0,
    items: 0,
    fresh: 0,
    plansSeen: (await readPlans(pipeline.store, batch)).length,
    images: 0,
    alreadyDone: 0,
    newerThanMarker: 0,
    hidden: 0,
    pending: [],
  };
  await createDocument(pipeline.store, draftProgressKey(batch, draft), progress);
  return progress;
}

/** Takes up a draft another planner left; only one planner at a time works on it. */
export async function resumeDraft(
  pipeline: Pipeline,
  batch: BatchName,
  draft: string,
): Promise<DraftProgress | Date | undefined> {
  const key = draftProgressKey(batch, draft);
  const found = await readDocument(pipeline.store, key, draftProgress);
  if (!found) return undefined;
  const busyUntil = new Date(found.value.leaseUntil);
  if (busyUntil > pipeline.clock.now()) return busyUntil;
  const taken = { ...found.value, leaseUntil: leaseUntil(pipeline).toISOString() };
  return (await replaceDocument(pipeline.store, key, found.etag, taken)) ? taken : leaseUntil(pipeline);
}

/**
 * Lists the batch from where the draft is, writing pages of items as they fill: a million keys are never in memory.
 * Stops at the policy's deadline with all that another process needs to go on.
 */
export async function draftItems(pipeline: Pipeline, begun: DraftProgress, closing: Closing): Promise<Drafted> {
  const { store, clock, policy } = pipeline;
  const { batch, draft } = begun;
  const drafting = new Drafting(
    begun,
    await EarlierWork.open(store, (await readPlans(store, batch)).slice(0, begun.plansSeen), {
      settings: begun.settings,
      model: { sha256: begun.modelSha256 },
      engineVersion,
    }),
    closing,
  );
  let continuation: string | undefined;
  for (;;) {
    const page: ListPage = await withRetries(clock, () =>
      store.listPage(
        incomingBatchPrefix(batch),
        continuation === undefined ? (begun.after === null ? {} : { startAfter: begun.after }) : { continuation },
      ),
    );
    for (const object of page.objects) {
      await drafting.add(object);
      if (drafting.pageIsFull()) await writePage(pipeline, drafting);
    }
    continuation = page.continuation;
    if (continuation === undefined) break;
    if (policy.deadline && clock.now() >= policy.deadline) {
      await store.write(
        draftProgressKey(batch, draft),
        JSON.stringify({ ...drafting.progress, leaseUntil: clock.now().toISOString() }),
      );
      return { state: "continues", draft };
    }
  }
  if (drafting.progress.pending.length > 0) await writePage(pipeline, drafting);
  return { state: "done", progress: drafting.progress };
}

async function writePage({ store, clock }: Pipeline, drafting: Drafting): Promise<void> {
  const { batch, draft, pages, pending } = drafting.progress;
  const lines = pending.map((item) => `${JSON.stringify(item)}\n`).join("");
  await withRetries(clock, () =>
    store.write(draftPageKey(batch, draft, pages), lines, { contentType: "application/x-ndjson" }),
  );
  drafting.pageWritten(lines);
}

class Drafting {
  private readonly identity: RunIdentity;
  private current: DraftProgress;

  constructor(
    begun: DraftProgress,
    private readonly earlier: EarlierWork,
    private readonly closing: Closing,
  ) {
    this.current = { ...begun, pending: [...begun.pending] };
    this.identity = RunIdentity.resume(begun.identityState);
  }

  get progress(): DraftProgress {
    return { ...this.current, identityState: this.identity.state };
  }

  async add({ key, etag, size, lastModified }: ObjectFacts): Promise<void> {
    const object = incomingObject(key);
    this.current.after = key;
    if (object.kind === "hidden") this.current.hidden++;
    if (object.kind !== "image") return;
    if (this.closing.coversUntil !== null && lastModified > new Date(this.closing.coversUntil)) {
      this.current.newerThanMarker++;
      return;
    }
    this.identity.addImage(key, etag);
    this.current.images++;
    const { settings, modelSha256 } = this.current;
    const work = workIdOf({ key, etag, settings, modelSha256, engineVersion });
    const standing = await this.earlier.standing(key, work);
    if (standing === "covered") {
      this.current.alreadyDone++;
      return;
    }
    const label = settings.labels === "folders" ? folderOf(object.path) : undefined;
    const item: WorkItem = { work, key, etag, size, ...(label === undefined ? {} : { label }) };
    this.current.pending.push(item);
    this.current.items++;
    if (standing === "open") this.current.fresh++;
  }

  pageIsFull = (): boolean => this.current.pending.length >= itemsPerPage;

  pageWritten(lines: string): void {
    this.current.itemsState = sha256Of(`${this.current.itemsState}\n${lines}`);
    this.current.pages++;
    this.current.pending = [];
  }
}

/** The folder an image lies in; none for one that lies directly in its batch. */
function folderOf(path: string): string | undefined {
  const folders = path
    .split("/")
    .slice(0, -1)
    .filter((name) => name !== "");
  return folders.at(-1);
}

const leaseUntil = ({ clock, policy }: Pipeline): Date =>
  new Date(
    (policy.deadline?.getTime() ?? clock.now().getTime() + longestPlanningMilliseconds) + leaseMarginMilliseconds,
  );
