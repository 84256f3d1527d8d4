import type { ConfigRest, TlsNames } from "../config/parse-config.ts";
import type { Problem } from "../decode/problems.ts";
import type { TlsOptions } from "../rpc/listener-options.ts";
import { checkPem, type PemTexts } from "./check-pem.ts";
import { readProblem } from "./read-problem.ts";

/** Absent for a listener that is plaintext. */
export type ListenersTls = {
  readonly grpc: TlsOptions | undefined;
  readonly http: TlsOptions | undefined;
};

export type TlsRead = {
  /** To be used only when there is no problem. */
  readonly tls: ListenersTls;
  readonly problems: readonly Problem[];
  /** What does not keep a listener from opening. */
  readonly warnings: readonly Problem[];
};

export type TlsPorts = {
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Where a file of the configuration is. */
  readonly locate: (path: string) => string;
  /** Keys that are left out, because their value is not known. */
  readonly isBroken: (key: string) => boolean;
  readonly nowMs: () => number;
};

const settingOf = { cert: "certFile", key: "keyFile", clientCa: "clientCaFile" } as const;

/** The PEM files of both listeners, and everything wrong with them by the keys that name them. */
export async function readTls(files: ConfigRest["tls"], ports: TlsPorts): Promise<TlsRead> {
  const [grpc, http] = await Promise.all([
    readListener("listen.grpc.tls", files.grpc, ports),
    readListener("listen.http.tls", files.http, ports),
  ]);
  return {
    tls: { grpc: grpc.tls, http: http.tls },
    problems: [...grpc.problems, ...http.problems],
    warnings: [...grpc.warnings, ...http.warnings],
  };
}

type ListenerRead = Omit<TlsRead, "tls"> & { readonly tls: TlsOptions | undefined };

async function readListener(
  key: string,
  config: TlsNames | undefined,
  ports: TlsPorts,
): Promise<ListenerRead> {
  if (config === undefined) {
    return { tls: undefined, problems: [], warnings: [] };
  }
  const problems: Problem[] = [];
  const read = async (part: keyof PemTexts, setting: keyof TlsNames) => {
    const path = `${key}.${setting}`;
    const file = config[setting];
    if (file === undefined || ports.isBroken(path)) {
      return {};
    }
    const place = ports.locate(file);
    try {
      return { [part]: new TextDecoder().decode(await ports.readFile(place)) };
    } catch (error) {
      problems.push({ path, message: readProblem(place, error) });
      return {};
    }
  };
  const texts: PemTexts = {
    ...(await read("cert", "certFile")),
    ...(await read("key", "keyFile")),
    ...(await read("clientCa", "clientCaFile")),
  };
  const findings = checkPem(texts, ports.nowMs());
  const told = (isWarning: boolean) =>
    findings
      .filter((finding) => finding.isWarning === isWarning)
      .map(({ part, message }) => ({ path: `${key}.${settingOf[part]}`, message }));
  const { cert = "", key: privateKey = "", clientCa } = texts;
  return {
    tls: { cert, key: privateKey, clientCa },
    problems: [...problems, ...told(false)],
    warnings: told(true),
  };
}

/** Keys of the files whose content differs; a file that is named anew is not among them. */
export function changedTlsFiles(before: ListenersTls, after: ListenersTls): readonly string[] {
  return (["grpc", "http"] as const).flatMap((listener) => {
    const [old, fresh] = [before[listener], after[listener]];
    return old === undefined || fresh === undefined
      ? []
      : (["cert", "key", "clientCa"] as const)
          .filter((part) => old[part] !== fresh[part])
          .map((part) => `listen.${listener}.tls.${settingOf[part]}`);
  });
}
