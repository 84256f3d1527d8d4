import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkPem, type PemTexts } from "../../../src/cli/check-pem.ts";

const pem = (name: string) =>
  readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), "utf8");

const cert = pem("server");
const key = pem("server-key");
const ca = pem("ca");
const damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
/** An RSA key of 512 bits and its certificate. */
const SHORT_KEY = `-----BEGIN PRIVATE KEY-----
MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAn/qUx1aLjhnUrL62
AgPKGX2nOwmmRFuBaUElfx6a9nfJ+XOalUzDGKjxvUnTVnMuTJ3FSQ/RBM8+gpcW
wv2+8wIDAQABAkEAk/CJNxG8eks+1gSCkbhpY0tEo57Xx+0K7ofVIgnuaa6ENgPY
KfHz9zAbmpE7C0TCszc4fFeuRTh/DljZDLYz0QIhANSIGQIvbOtTv5O7TL7UMns5
Boi3D+uyU70/Fg2hsIU7AiEAwLLht+xQQRiLMT8jEaA5LkjPafBPTkhLgoTWlHaI
sakCIQDFG7f989gTZKefrq0dqpVq/NdXglgso0XQlSqx18xrswIgLi+x4j+FzNRx
KFCVuzfH/Mv+ysmKeJzjXFkyhUsT4GECIQCQwzkG9ZqB4KKktsmq+cuSmdS0yXjI
zZfbkvBLrOhwkA==
-----END PRIVATE KEY-----
`;
const SHORT_CERT = `-----BEGIN CERTIFICATE-----
MIIBdTCCAR+gAwIBAgIUBFU00AfoX0Yzy7zBPq6g6hfZcE0wDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEd2VhazAeFw0yNjExMjIxOTE4MjRaFw0yNjExMjQxOTE4
MjRaMA8xDTALBgNVBAMMBHdlYWswXDANBgkqhkiG9w0BAQEFAANLADBIAkEAn/qU
x1aLjhnUrL62AgPKGX2nOwmmRFuBaUElfx6a9nfJ+XOalUzDGKjxvUnTVnMuTJ3F
SQ/RBM8+gpcWwv2+8wIDAQABo1MwUTAdBgNVHQ4EFgQURn7fCfJLQ0fN3At3GcVg
NDbS/TowHwYDVR0jBBgwFoAURn7fCfJLQ0fN3At3GcVgNDbS/TowDwYDVR0TAQH/
BAUwAwEB/zANBgkqhkiG9w0BAQsFAANBABLctccsUMnGH8YXZ0nnp9H7u/25I3AA
lH1UpqGOGWaFqubZJ+VIL7tAWUUaQkyOXdNAF0kA4jAN31FXmZZrgD0=
-----END CERTIFICATE-----
`;
/** While all of the test's certificates are valid. */
const NOW = Date.parse("2027-06-01");

function told(texts: PemTexts, nowMs = NOW): readonly string[] {
  return checkPem(texts, nowMs).map(
    ({ part, message, isWarning }) => `${isWarning ? "warning " : ""}${part} ${message}`,
  );
}

describe("checkPem()", () => {
  test("finds nothing wrong with files that fit", () => {
    expect(told({ cert, key })).toEqual([]);
    expect(told({ cert: cert + ca, key, clientCa: ca + ca })).toEqual([]);
    expect(told({})).toEqual([]);
  });

  test.each([
    { name: "a key", text: key, says: "holds a private key where a certificate is wanted" },
    {
      name: "a request",
      text: "-----BEGIN CERTIFICATE REQUEST-----",
      says: "holds a request for a certificate, not the certificate",
    },
    {
      name: "anything else",
      text: "\u0030\u0082",
      says: "holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
    },
    { name: "a damaged one", text: damaged, says: "certificate 1 of 1 in it is damaged" },
    { name: "a damaged second", text: ca + damaged, says: "certificate 2 of 2 in it is damaged" },
  ])("says what is in place of certificates: $name", ({ text, says }) => {
    expect(told({ cert: text })).toEqual([`cert ${says}`]);
    expect(told({ clientCa: text })).toEqual([`clientCa ${says}`]);
  });

  test.each([
    {
      name: "a certificate",
      text: cert,
      says: "holds a certificate where a private key is wanted",
    },
    {
      name: "anything else",
      text: "hunter22",
      says: "holds no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----",
    },
    {
      name: "an encrypted one",
      text: "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
      says: "is encrypted; a key without a passphrase is wanted",
    },
    {
      name: "a damaged one",
      text: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
      says: "holds a damaged private key",
    },
  ])("says what is in place of a key: $name", ({ text, says }) => {
    expect(told({ cert, key: text })).toEqual([`key ${says}`]);
  });

  test("notices a key of another certificate, and one of a later certificate", () => {
    expect(told({ cert, key: pem("client-key") })).toEqual([
      "key does not belong to the certificate in certFile",
    ]);
    expect(told({ cert: ca + cert, key })).toEqual([
      "key belongs to certificate 2 of certFile; the server's own must come first",
    ]);
  });

  test("notices what the TLS library refuses although it fits together", () => {
    expect(told({ cert: SHORT_CERT, key: SHORT_KEY })).toContain(
      "cert cannot be used: its key is too short",
    );
  });

  test("warns of certificates that are out of date, those of the authorities too", () => {
    const late = told({ cert, key, clientCa: ca }, Date.parse("2500-01-01"));
    expect(late).toEqual([
      expect.stringMatching(/^warning cert .* expired on \d{4}-\d\d-\d\d: peers refuse it$/),
      expect.stringMatching(/^warning clientCa .* expired on /),
    ]);
    expect(told({ cert, key }, 0)).toEqual([
      expect.stringMatching(/^warning cert .* is not valid before \d{4}-\d\d-\d\d: until then/),
    ]);
  });

  test("reports everything at once and nothing of the content", () => {
    const findings = told({ cert: damaged, key: "hunter22", clientCa: key });
    expect(findings.map((finding) => finding.split(" ")[0])).toEqual(["cert", "key", "clientCa"]);
    expect(findings.join()).not.toContain("hunter22");
  });
});
