import type { Config } from "../config/config.ts";
import type { Problem } from "../decode/problems.ts";
import { readProblem } from "./read-problem.ts";

/** The configuration with the files of the fleet where they are, and not as it names them. */
export function locateFleetFiles(config: Config, locate: (path: string) => string): Config {
  const { bus, health } = config;
  const { nats } = bus;
  const { snapshotFile } = health;
  return {
    ...config,
    bus:
      nats === undefined
        ? bus
        : {
            nats: {
              ...nats,
              credentialsFile: located(nats.credentialsFile, locate),
              nkeyFile: located(nats.nkeyFile, locate),
              tls: nats.tls && {
                ...nats.tls,
                caFile: located(nats.tls.caFile, locate),
                certFile: located(nats.tls.certFile, locate),
                keyFile: located(nats.tls.keyFile, locate),
              },
            },
          },
    health: { ...health, snapshotFile: located(snapshotFile, locate) },
  };
}

function located(path: string | undefined, locate: (path: string) => string): string | undefined {
  return path === undefined ? undefined : locate(path);
}

/** Files that the connection to NATS needs and that cannot be read. Of a configuration with located files. */
export async function unreadableFleetFiles(
  { bus: { nats } }: Config,
  readFile: (path: string) => Promise<Uint8Array>,
): Promise<readonly Problem[]> {
  const { caFile, certFile, keyFile } = nats?.tls ?? {};
  const files = {
    "bus.nats.credentialsFile": nats?.credentialsFile,
    "bus.nats.nkeyFile": nats?.nkeyFile,
    "bus.nats.tls.caFile": caFile,
    "bus.nats.tls.certFile": certFile,
    "bus.nats.tls.keyFile": keyFile,
  };
  const problems = await Promise.all(
    Object.entries(files).map(async ([path, file]): Promise<readonly Problem[]> => {
      try {
        if (file !== undefined) {
          await readFile(file);
        }
        return [];
      } catch (error) {
        return [{ path, message: readProblem(file ?? "", error) }];
      }
    }),
  );
  return problems.flat();
}
