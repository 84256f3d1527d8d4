/** A socket that a setting asks for. */
export type WantedPort = {
  /** Key of the configuration that holds the port, with `.port` at the end where it has a host. */
  readonly setting: string;
  /** Option of the command line that sets it too; absent when none does. */
  readonly flag?: string;
  readonly host: string;
  readonly port: number;
};

/** Why a port cannot be had, and what the operator can do about it. */
export function portProblem(wanted: WantedPort, error: unknown): string {
  const { setting, flag, host, port } = wanted;
  const message = error instanceof Error ? error.message : String(error);
  const name = flag === undefined ? setting : `${setting} (${flag})`;
  switch (/\bE[A-Z_]{4,}\b|Name resolution failed/.exec(message)?.[0]) {
    case "EADDRINUSE":
      return `${name}: port ${port} of ${host} is taken; end the process that holds it, or choose another port (0 takes a free one)`;
    case "EACCES":
      return `${name}: this user may not open port ${port} of ${host}; choose another port`;
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
      return `${hostOf(setting)}: ${host} is no address of this machine; 0.0.0.0 stands for all it has`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "Name resolution failed":
      return `${hostOf(setting)}: no address is known for the name ${host}`;
    default:
      return `${name}: cannot listen on port ${port} of ${host}: ${message}`;
  }
}

function hostOf(portSetting: string): string {
  return portSetting.replace(/port$/, "host");
}
