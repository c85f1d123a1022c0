import type { ObjectKey, WorkId } from "../../contract/names";
import { suspects as suspectsDocument, type Suspects } from "../../contract/planning";
import type { ObjectStore } from "../../storage/object-store";
import { readDocument } from "../../bucket/documents";

/**
 * Finds the image that kills workers (out of memory, exit 137), of which a killed worker can say nothing itself:
 * what it has in hand is noted before it begins. After a first death all that was in hand is worked on alone;
 * what is alone in hand at a second death is set aside. Machines that are taken away without a word look the same,
 * so only a dispatch to machines that are not condemns an image for good; it begins with what was set aside before it.
 */
export class Suspicion {
  private constructor(
    private readonly store: ObjectStore,
    private readonly key: ObjectKey,
    private note: Suspects,
  ) {}

  /** @param earlier the note of the dispatch before this one, if there was one */
  static async open(store: ObjectStore, key: ObjectKey, attempt: number, earlier?: ObjectKey): Promise<Suspicion> {
    const setAside = earlier && (await readDocument(store, earlier, suspectsDocument))?.value;
    const before = (await readDocument(store, key, suspectsDocument))?.value;
    const died = before !== undefined && before.attempt < attempt && before.inHand.length > 0;
    const [alone] = died && before.inHand.length === 1 ? before.inHand : [];
    const condemned =
      alone !== undefined && (before?.struck.includes(alone) || setAside?.struck.includes(alone)) ? [alone] : [];
    return new Suspicion(store, key, {
      schemaVersion: 1,
      attempt,
      inHand: [],
      struck: [...new Set([...(setAside?.struck ?? []), ...(before?.struck ?? []), ...(died ? before.inHand : [])])],
      condemned: [...(before?.condemned ?? []), ...condemned],
    });
  }

  isStruck = (work: WorkId): boolean => this.note.struck.includes(work);
  isCondemned = (work: WorkId): boolean => this.note.condemned.includes(work);

  /** Noted before anything is done to the image. */
  async take(work: WorkId): Promise<void> {
    this.note = { ...this.note, inHand: [...this.note.inHand, work] };
    await this.save();
  }

  /** Noted with the next image that is taken, or at the end. */
  putDown(work: WorkId): void {
    this.note = { ...this.note, inHand: this.note.inHand.filter((held) => held !== work) };
  }

  /** A worker that ends in order leaves nothing in hand. */
  async clear(): Promise<void> {
    this.note = { ...this.note, inHand: [] };
    await this.save();
  }

  private saving: Promise<unknown> = Promise.resolve();

  /** One write after the other, each with the newest state. */
  private async save(): Promise<void> {
    const turn = this.saving.then(() =>
      this.store.write(this.key, JSON.stringify(this.note), { contentType: "application/json" }),
    );
    this.saving = turn.catch(() => undefined);
    await turn;
  }
}
