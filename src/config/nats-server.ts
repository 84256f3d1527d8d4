import { z } from "zod";

/** `nats://host:4222`, `tls://host`, `host:4222`, `host` and `[::1]:4222`. */
const ADDRESS =
  /^(?:(?:nats|tls):\/\/)?(?:\[[\da-f:.]+\]|[a-z\d](?:[a-z\d._-]*[a-z\d])?)(?::(\d{1,5}))?\/?$/i;

/** Address of a NATS server. Credentials in it would be shown by logs, so they have keys of their own. */
export const natsServer = z
  .string()
  .refine((text) => !text.includes("@"), {
    error: "must not hold a user name, password or token; they have keys of their own",
    abort: true,
  })
  .refine(isNatsAddress, "must be an address such as nats://nats-1:4222")
  .transform((address) => address.replace(/\/$/, ""));

function isNatsAddress(text: string): boolean {
  const match = ADDRESS.exec(text);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}
