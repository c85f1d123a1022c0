import { Mutex } from "../../concurrency/mutex";
import type { ObjectKey, WorkId } from "../../contract/names";
import { suspects as suspectsDocument, type Suspects } from "../../contract/suspects";
import type { ObjectStore } from "../../storage/object-store";
import { readDocument } from "../../bucket/documents";

/**
 * Finds the image that kills workers (out of memory, exit 137), of which a killed worker can say nothing itself:
 * what is in flight is noted before it begins. After a first death all that was in flight is suspected, and worked on alone;
 * what is alone in flight at a second death is quarantined. Machines that are taken away without a word look the same,
 * so only a dispatch to machines that are not fails an image for good; it begins with the suspects of the one before it.
 */
export class Quarantine {
  private readonly saving = new Mutex();

  private constructor(
    private readonly store: ObjectStore,
    private readonly key: ObjectKey,
    private note: Suspects,
  ) {}

  /** @param earlierKey the note of the dispatch before this one, if there was one */
  static async open(store: ObjectStore, key: ObjectKey, attempt: number, earlierKey?: ObjectKey): Promise<Quarantine> {
    const earlier = earlierKey && (await readDocument(store, earlierKey, suspectsDocument))?.value;
    const before = (await readDocument(store, key, suspectsDocument))?.value;
    const known = new Set([...(earlier?.suspected ?? []), ...(before?.suspected ?? [])]);
    const killed = before && before.attempt < attempt ? before.inFlight : [];
    const [alone] = killed.length === 1 ? killed : [];
    return new Quarantine(store, key, {
      schemaVersion: 2,
      attempt,
      inFlight: [],
      suspected: [...new Set([...known, ...killed])],
      quarantined: [...(before?.quarantined ?? []), ...(alone !== undefined && known.has(alone) ? [alone] : [])],
    });
  }

  isSuspected = (work: WorkId): boolean => this.note.suspected.includes(work);
  isQuarantined = (work: WorkId): boolean => this.note.quarantined.includes(work);

  /** Noted before anything is done to the image. */
  async begin(work: WorkId): Promise<void> {
    this.note = { ...this.note, inFlight: [...this.note.inFlight, work] };
    await this.save();
  }

  /** Noted with the next image that is begun, or at the end. */
  end(work: WorkId): void {
    this.note = { ...this.note, inFlight: this.note.inFlight.filter((one) => one !== work) };
  }

  /** A worker that ends in order leaves nothing in flight. */
  async clear(): Promise<void> {
    this.note = { ...this.note, inFlight: [] };
    await this.save();
  }

  /** One write after the other, each with the newest state. */
  private async save(): Promise<void> {
    await this.saving.runExclusive(() =>
      this.store.write(this.key, JSON.stringify(this.note), { contentType: "application/json" }),
    );
  }
}
