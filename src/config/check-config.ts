import { formatPath, type Problem, unknownName } from "../decode/problems.ts";
import type { Config } from "./config.ts";

type Rule = {
  readonly path: string;
  /** The other key the rule compares with. */
  readonly other: string;
  readonly wrong: boolean;
  readonly message: string;
};

/** What no single key can tell. Rules about a key that `isBroken` are left out: its value is not known. */
export function checkConfig(
  config: Config,
  isBroken: (path: string) => boolean,
): readonly Problem[] {
  return [...portRules(config), ...timeRules(config), ...policyRules(config), ...natsRules(config)]
    .filter(({ wrong, path, other }) => wrong && !isBroken(path) && !isBroken(other))
    .map(({ path, message }) => ({ path, message }));
}

function portRules({ listen, simulator }: Config): readonly Rule[] {
  const { grpc, http } = listen;
  const { controlPort } = simulator;
  return [
    {
      path: "listen.http.port",
      other: "listen.grpc.port",
      wrong: http.port !== 0 && http.port === grpc.port,
      message: "must differ from listen.grpc.port",
    },
    {
      path: "simulator.controlPort",
      other: "listen",
      wrong: controlPort !== 0 && [grpc.port, http.port].includes(controlPort),
      message: "must differ from the ports of the listeners",
    },
  ];
}

function timeRules({ timeouts, limits }: Config): readonly Rule[] {
  const { firstToken, connectMs, defaultDeadlineMs } = timeouts;
  return [
    {
      path: "timeouts.firstToken.maxMs",
      other: "timeouts.firstToken.minMs",
      wrong: firstToken.maxMs < firstToken.minMs,
      message: "must be at least timeouts.firstToken.minMs",
    },
    {
      path: "timeouts.firstToken.coldMs",
      other: "timeouts.firstToken",
      wrong: firstToken.coldMs < firstToken.minMs || firstToken.coldMs > firstToken.maxMs,
      message: "must lie between timeouts.firstToken.minMs and maxMs",
    },
    {
      path: "timeouts.connectMs",
      other: "timeouts.firstToken.maxMs",
      // Connecting is part of waiting for the first content.
      wrong: connectMs > firstToken.maxMs,
      message: "must be at most timeouts.firstToken.maxMs",
    },
    {
      path: "timeouts.defaultDeadlineMs",
      other: "timeouts.firstToken.maxMs",
      wrong: defaultDeadlineMs < firstToken.maxMs,
      message: "must be at least timeouts.firstToken.maxMs",
    },
    {
      path: "limits.keepaliveTimeoutMs",
      other: "limits.keepaliveMs",
      wrong: limits.keepaliveTimeoutMs > limits.keepaliveMs,
      message: "must be at most limits.keepaliveMs",
    },
  ];
}

function policyRules({ policy }: Config): readonly Rule[] {
  return policy.ignoreProviders.map((id, index) => ({
    path: formatPath(["policy", "ignoreProviders", index]),
    other: "policy.onlyProviders",
    wrong: policy.onlyProviders.includes(id),
    message: `${id} is also in policy.onlyProviders`,
  }));
}

/** Which of several ways to log in counts would be the client's choice, so there is one. */
function natsRules({ bus: { nats } }: Config): readonly Rule[] {
  if (nats === undefined) {
    return [];
  }
  const { user, password, token, tls } = nats;
  const rule = (key: string, other: string, wrong: boolean, message: string): Rule => ({
    path: `bus.nats.${key}`,
    other: `bus.nats.${other}`,
    wrong,
    message,
  });
  const has = (value: unknown) => value !== undefined;
  return [
    rule("user", "password", has(user) && !has(password), "needs bus.nats.password"),
    rule("password", "user", has(password) && !has(user), "needs bus.nats.user"),
    rule("token", "user", has(token) && has(user), "cannot stand beside bus.nats.user"),
    ...FILES_TO_LOG_IN.flatMap(([key, others]) =>
      others.map((other) =>
        rule(
          key,
          other,
          has(nats[key]) && has(nats[other]),
          `cannot stand beside bus.nats.${other}`,
        ),
      ),
    ),
    rule("tls.certFile", "tls.keyFile", has(tls?.certFile) && !has(tls?.keyFile), KEY_WANTED),
    rule("tls.keyFile", "tls.certFile", has(tls?.keyFile) && !has(tls?.certFile), CERT_WANTED),
  ];
}

const FILES_TO_LOG_IN = [
  ["credentialsFile", ["user", "token"]],
  ["nkeyFile", ["user", "token", "credentialsFile"]],
] as const;

const KEY_WANTED = "needs bus.nats.tls.keyFile";
const CERT_WANTED = "needs bus.nats.tls.certFile";

/** What the catalogue knows, as far as a configuration can name it. */
export type KnownNames = {
  readonly providers: ReadonlySet<string>;
  /** Those of the providers whose accounts are not known, because their entries have a problem. */
  readonly unclear: ReadonlySet<string>;
  /** `provider/account` of every named account. */
  readonly accounts: ReadonlySet<string>;
  /** False: a part of the catalogue cannot be read, and there may be further providers. */
  readonly complete: boolean;
};

/** Names that are in no catalogue. Asked once the catalogue is there, since it names them. */
export function checkNames(config: Config, known: KnownNames): readonly Problem[] {
  const listed = (["onlyProviders", "ignoreProviders"] as const).flatMap((key) =>
    config.policy[key].map((id, index) => ({ path: ["policy", key, index], id })),
  );
  const configured = Object.keys(config.providers).map((id) => ({ path: ["providers", id], id }));
  const accounts = Object.entries(config.providers).flatMap(([id, provider]) =>
    Object.keys(provider.accounts).map((account) => ({
      path: formatPath(["providers", id, "accounts", account]),
      wrong:
        known.providers.has(id) &&
        !known.unclear.has(id) &&
        !known.accounts.has(`${id}/${account}`),
      message: `provider ${id} has no account ${account}`,
    })),
  );
  const { providers: names, complete } = known;
  return [
    ...[...listed, ...configured].map(({ path, id }) => ({
      path: formatPath(path),
      wrong: !known.providers.has(id),
      message: unknownName("provider", id, { names, complete }),
    })),
    ...accounts,
  ]
    .filter(({ wrong }) => wrong)
    .map(({ path, message }) => ({ path, message }));
}
