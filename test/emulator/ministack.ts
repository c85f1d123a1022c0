import { emulatorCredentials, type Emulator, startEmulator } from "./emulator-process";
import { type FoundPython, pythonEnvironment } from "./python-environment";

/** Pinned to the version whose behaviour was compared with S3's; the launcher of the whole emulator needs exactly it. */
const pins = ["ministack==1.5.33", "botocore==1.43.106", "boto3==1.43.106", "cryptography==46.0.7"] as const;

/** The Python environment with the emulator, made on first use outside the tree; a sentence where it cannot be had. */
export const emulatorPython = (): FoundPython =>
  pythonEnvironment({
    name: "ministack-1.5.33",
    interpreters: ["python3"],
    packages: pins,
    installMilliseconds: 240_000,
  });

/** Starts the emulator; what `environment` names is set for it besides. */
export const startMinistack = (
  python: string,
  environment: Readonly<Record<string, string>> = {},
  words: readonly string[] = ["-m", "ministack"],
): Promise<Emulator> =>
  startEmulator({
    python,
    words,
    healthPath: "/_ministack/health",
    readyMilliseconds: 30_000,
    log: environment["CYTOLENS_EMULATOR_LOG"],
    environment: (port) => ({
      BIND_HOST: "127.0.0.1",
      MINISTACK_HOST: "127.0.0.1",
      GATEWAY_PORT: String(port),
      MINISTACK_REGION: emulatorCredentials.region,
      SFTP_ENABLED: "0",
      IOT_MTLS_ENABLED: "0",
      AWS_ACCESS_KEY_ID: emulatorCredentials.credentials.accessKeyId,
      ...environment,
    }),
  });
