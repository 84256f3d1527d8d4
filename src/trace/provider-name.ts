/** Providers whose name in the GenAI conventions is not their id with underscores. */
const names: ReadonlyMap<string, string> = new Map([
  ["azure", "azure.ai.openai"],
  ["aws", "aws.bedrock"],
  ["bedrock", "aws.bedrock"],
  ["gemini", "gcp.gemini"],
  ["google", "gcp.gemini"],
  ["vertex", "gcp.vertex_ai"],
  ["mistral", "mistral_ai"],
  ["xai", "x_ai"],
  ["watsonx", "ibm.watsonx.ai"],
  ["together", "together_ai"],
  ["alibaba", "alibaba_cloud"],
]);

/** Value of `gen_ai.provider.name` for an id of the catalogue. */
export function providerNameOf(providerId: string): string {
  return names.get(providerId) ?? underscored(providerId);
}

/** Most ids have no hyphen, and to replace none takes ten times as long as to see that. */
function underscored(text: string): string {
  return text.includes("-") ? text.replaceAll("-", "_") : text;
}
