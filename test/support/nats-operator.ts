import { nkeys } from "@nats-io/transport-node";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** An operator, an account that may use JetStream, and users of it, as `nsc` makes them. */
export type NatsOperator = {
  /** Lines of a server's configuration. */
  readonly config: string;
  /** Contents of a `.creds` file of another user, who expires after so many seconds. Default: never. */
  userCredentials(lifeSeconds?: number): string;
};

const UNLIMITED = -1;

/** What an account may do unless its JWT says less: nothing is unlimited by itself. */
const ACCOUNT_LIMITS = {
  subs: UNLIMITED,
  data: UNLIMITED,
  payload: UNLIMITED,
  imports: UNLIMITED,
  exports: UNLIMITED,
  wildcards: true,
  conn: UNLIMITED,
  leaf: UNLIMITED,
};
const JETSTREAM_LIMITS = {
  mem_storage: UNLIMITED,
  disk_storage: UNLIMITED,
  streams: UNLIMITED,
  consumer: UNLIMITED,
};

export function createNatsOperator(): NatsOperator {
  const operator = nkeys.createOperator();
  const system = nkeys.createAccount();
  const account = nkeys.createAccount();
  const accountJwt = (subject: KeyPair, limits: object) =>
    sign(operator, { subject, claims: { type: "account", limits, version: 2 } });
  return {
    config: [
      `operator: ${sign(operator, { subject: operator, claims: { type: "operator", version: 2 } })}`,
      `system_account: ${system.getPublicKey()}`,
      "resolver: MEMORY",
      "resolver_preload: {",
      `  ${system.getPublicKey()}: ${accountJwt(system, ACCOUNT_LIMITS)}`,
      `  ${account.getPublicKey()}: ${accountJwt(account, { ...ACCOUNT_LIMITS, ...JETSTREAM_LIMITS })}`,
      "}",
    ].join("\n"),
    userCredentials(lifeSeconds) {
      const user = nkeys.createUser();
      const claims = {
        type: "user",
        subs: UNLIMITED,
        data: UNLIMITED,
        payload: UNLIMITED,
        version: 2,
      };
      return [
        "-----BEGIN NATS USER JWT-----",
        sign(account, { subject: user, claims, lifeSeconds }),
        "------END NATS USER JWT------",
        "",
        "-----BEGIN USER NKEY SEED-----",
        new TextDecoder().decode(user.getSeed()),
        "------END USER NKEY SEED------",
        "",
      ].join("\n");
    },
  };
}

type Signed = {
  readonly subject: KeyPair;
  readonly claims: object;
  readonly lifeSeconds?: number | undefined;
};

/** https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt */
function sign(issuer: KeyPair, { subject, claims, lifeSeconds }: Signed): string {
  const issuedAt = Math.floor(Date.now() / 1_000);
  const payload = {
    jti: subject.getPublicKey(),
    iat: issuedAt,
    ...(lifeSeconds === undefined ? {} : { exp: issuedAt + lifeSeconds }),
    iss: issuer.getPublicKey(),
    name: "test",
    sub: subject.getPublicKey(),
    nats: claims,
  };
  const signed = [{ typ: "JWT", alg: "ed25519-nkey" }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = issuer.sign(new TextEncoder().encode(signed));
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}
