import { emulatorPython, startMinistack } from "../emulator/ministack";
import { messagesContract } from "./messages.contract";

const found = emulatorPython();

("python" in found ? describe : describe.skip)(
  `queues and notices of an account${"missing" in found ? ` (skipped: ${found.missing})` : ""}`,
  () => {
    messagesContract(() => startMinistack((found as { python: string }).python), {
      keyOfSpaceAndPlus: "incoming/keys/a+b%2Bc.png",
    });
  },
);
