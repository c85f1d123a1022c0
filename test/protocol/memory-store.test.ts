import { objectStoreContract } from "../storage/object-store.contract";
import { MemoryStore } from "./memory-store";

describe("the tests' bucket in memory keeps the store's promises", () => {
  objectStoreContract(async () => new MemoryStore());
});
