import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

/** Texts of PEM files; absent what is not there or could not be read. */
export type PemTexts = {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly clientCa?: string | undefined;
};

/** What is wrong with one of the files, or with how they fit together. Shows nothing of their content. */
export type PemFinding = {
  readonly part: keyof PemTexts;
  readonly message: string;
  /** A warning does not keep the listener from opening. */
  readonly isWarning: boolean;
};

/** Everything that would keep a listener from opening with these files, or callers from trusting it. */
export function checkPem(texts: PemTexts, nowMs: number): readonly PemFinding[] {
  const cert = texts.cert === undefined ? NOTHING : readCertificates(texts.cert);
  const clientCa = texts.clientCa === undefined ? NOTHING : readCertificates(texts.clientCa);
  const key = texts.key === undefined ? NOTHING : readKey(texts.key);
  const findings = [
    ...cert.problems.map(problem("cert")),
    ...key.problems.map(problem("key")),
    ...mismatch(cert.found, key.found[0]).map(problem("key")),
    ...clientCa.problems.map(problem("clientCa")),
  ];
  return [
    ...findings,
    ...(findings.length > 0 ? [] : refusals(texts)),
    ...cert.found.flatMap((one) => outOfDate(one, nowMs)).map(warning("cert")),
    ...clientCa.found.flatMap((one) => outOfDate(one, nowMs)).map(warning("clientCa")),
  ];
}

type Read<T> = { readonly found: readonly T[]; readonly problems: readonly string[] };

const NOTHING = { found: [], problems: [] };

const problem = (part: keyof PemTexts) => (message: string) => ({
  part,
  message,
  isWarning: false,
});
const warning = (part: keyof PemTexts) => (message: string) => ({ part, message, isWarning: true });

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function readCertificates(text: string): Read<X509Certificate> {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    return { found: [], problems: [noCertificate(text)] };
  }
  const found: X509Certificate[] = [];
  const problems: string[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      found.push(new X509Certificate(block));
    } catch {
      problems.push(`certificate ${index + 1} of ${blocks.length} in it is damaged`);
    }
  }
  return { found, problems };
}

function noCertificate(text: string): string {
  if (text.includes("PRIVATE KEY-----")) {
    return "holds a private key where a certificate is wanted";
  }
  return text.includes("CERTIFICATE REQUEST-----")
    ? "holds a request for a certificate, not the certificate"
    : "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----";
}

function readKey(text: string): Read<KeyObject> {
  try {
    return { found: [createPrivateKey(text)], problems: [] };
  } catch {
    return { found: [], problems: [noKey(text)] };
  }
}

function noKey(text: string): string {
  if (/ENCRYPTED/.test(text)) {
    return "is encrypted; a key without a passphrase is wanted";
  }
  if (text.includes("PRIVATE KEY-----")) {
    return "holds a damaged private key";
  }
  return text.includes("BEGIN CERTIFICATE-----")
    ? "holds a certificate where a private key is wanted"
    : "holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----";
}

function mismatch(
  certificates: readonly X509Certificate[],
  key: KeyObject | undefined,
): readonly string[] {
  if (key === undefined || certificates.length === 0) {
    return [];
  }
  const at = certificates.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (at < 0) {
    return ["does not belong to the certificate in certFile"];
  }
  return at === 0
    ? []
    : [`belongs to certificate ${at + 1} of certFile; the server's own must come first`];
}

/** What the TLS library finds beyond that, such as a key that is too short for it. */
function refusals({ cert, key, clientCa }: PemTexts): readonly PemFinding[] {
  if (cert === undefined || key === undefined) {
    return [];
  }
  try {
    createSecureContext({ cert, key, ca: clientCa });
    return [];
  } catch (error) {
    return [problem("cert")(refusalOf(String(error)))];
  }
}

function refusalOf(error: string): string {
  if (error.includes("key too small")) {
    return "cannot be used: its key is too short";
  }
  return error.includes("md too weak")
    ? "cannot be used: its signature is too weak"
    : `cannot be used: ${error.replace(/^.*:/, "").trim()}`;
}

function outOfDate(certificate: X509Certificate, nowMs: number): readonly string[] {
  const { subject, validFrom, validTo } = certificate;
  const name = subject === undefined ? "a certificate" : subject.replaceAll("\n", ", ");
  const day = (date: string) => new Date(date).toISOString().slice(0, 10);
  if (Date.parse(validTo) <= nowMs) {
    return [`${name} expired on ${day(validTo)}: peers refuse it`];
  }
  return Date.parse(validFrom) > nowMs
    ? [`${name} is not valid before ${day(validFrom)}: until then peers refuse it`]
    : [];
}
