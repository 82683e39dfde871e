// Integration for Coop: three signals that ask POST /v1/signals/coop of a Memeguard server. See docs/signals.md.
"use strict";

const INTEGRATION = "MEMEGUARD";
const DOCS = "https://roostorg.github.io/coop/INTEGRATIONS_PLUGIN.html";
const TIMEOUT_MS = 20_000;

const SIGNALS = {
  MEME_HATE_SCORE: {
    signal: "score",
    scalarType: "NUMBER",
    displayName: "Memeguard: hate score",
    description: "Probability from 0 to 1 that the words, the picture or both together are hateful.",
    // Of the model card of the bundle: choose your own by what your reviewers can look at.
    recommendedThresholds: { highPrecisionThreshold: 0.8, highRecallThreshold: 0.3 },
  },
  MEME_HATE_REVIEW: {
    signal: "review",
    scalarType: "BOOLEAN",
    displayName: "Memeguard: review or block",
    description: "True where the server's policy wants people to look, or blocks, or where something was not judged.",
    recommendedThresholds: null,
  },
  MEME_HATE_BLOCK: {
    signal: "block",
    scalarType: "BOOLEAN",
    displayName: "Memeguard: block",
    description: "True where the server's policy blocks.",
    recommendedThresholds: null,
  },
};

const section = (id, title, value) => ({ id, title, fields: [{ label: title, value }] });

const manifest = {
  id: INTEGRATION,
  name: "Memeguard",
  version: "1.0.0",
  description: "Hate in memes: a picture and its words together.",
  docsUrl: DOCS,
  requiresConfig: true,
  configurationFields: [
    { key: "url", label: "Address of the server", required: true, inputType: "text", placeholder: "https://memeguard.internal" },
    { key: "apiKey", label: "API key", required: false, inputType: "password", description: "Of `memeguard keys create`." },
    { key: "policy", label: "Policy", required: false, inputType: "text", description: "Default: the server's own." },
  ],
  signalTypeIds: Object.keys(SIGNALS),
  modelCard: {
    modelName: "The bundle that the server has loaded",
    version: "GET /v1/models of the server says which",
    sections: [
      section("trainingData", "Training data", "Named in the bundle's model card; `memeguard inspect` shows it."),
      section("policyAndTaxonomy", "Policy and taxonomy", "GET /v1/policies of the server lists its policies."),
      section("annotationMethodology", "Annotation", "Of each data set, in data_cards/ of Memeguard's repository."),
      section("performanceBenchmarks", "Performance", "Measured on test splits: docs/judged.md of the repository."),
      section("biasAndLimitations", "Bias and limitations", "An aid to a moderator. False alarms by group: docs/judged.md."),
      section("implementationGuidance", "Implementation", "docs/signals.md: use the review signal beside the score."),
      section("relevantLinks", "Links", "docs/signals.md of Memeguard's repository."),
    ],
  },
};

async function ask(config, signal, input) {
  const url = new URL("v1/signals/coop", config.url.replace(/\/*$/, "/"));
  url.searchParams.set("signal", signal);
  if (config.policy) url.searchParams.set("policy", config.policy);
  if (input.subcategory) url.searchParams.set("task", input.subcategory);
  const headers = { "Content-Type": "application/json" };
  if (config.apiKey) headers.Authorization = `Bearer ${config.apiKey}`;
  // Nothing of the author goes along: the server has no use for it.
  const body = JSON.stringify({ value: input.value });
  const reply = await fetch(url, { method: "POST", headers, body, redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
  const answer = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(`Memeguard answers ${reply.status} ${answer.code ?? ""}: ${answer.detail ?? ""}`);
  return { outputType: answer.outputType, score: answer.score };
}

function descriptor(type, context) {
  const { signal, scalarType, ...shown } = SIGNALS[type];
  return {
    ...shown,
    id: { type },
    docsUrl: DOCS,
    supportedLanguages: "ALL",
    pricingStructure: { type: "FREE" },
    eligibleInputs: ["STRING", "IMAGE", "FULL_ITEM"],
    outputType: { scalarType },
    getCost: () => 20,
    needsMatchingValues: false,
    eligibleSubcategories:
      signal === "score"
        ? ["hateful", "offensive"].map((id) => ({ id, label: id, childrenIds: [] }))
        : [],
    needsActionPenalties: false,
    integration: context.integrationId,
    allowedInAutomatedRules: true,
    run: async (input) => ask(await context.getCredential(input.orgId), signal, input),
    getDisabledInfo: async (orgId) => {
      const config = await context.getCredential(orgId);
      return config?.url
        ? { disabled: false }
        : { disabled: true, disabledMessage: "Set the address of the Memeguard server in the integration's settings." };
    },
  };
}

const createSignals = (context) =>
  Object.keys(SIGNALS).map((type) => ({ signalTypeId: type, signal: descriptor(type, context) }));

module.exports = { manifest, createSignals };
