import { describe } from "vitest";

import { createMemoryStore } from "../../persistence/memory/store.ts";
import { storeConforms } from "./conformance.ts";

describe("the in-memory store", () => {
  storeConforms(createMemoryStore);
});
