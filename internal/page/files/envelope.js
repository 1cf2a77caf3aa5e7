// Reading the envelope's text.

// What the envelope has besides sections of other teams.
const core = new Set([
  'schema_version', 'generated_at', 'clk_tck', 'stages', 'queue', 'agents', 'cost', 'clock', 'instance', 'sections', 'enabled',
]);

// parse reads JSON. An integer that a number cannot hold becomes a BigInt, so
// that what is shown is what was sent. To look at each value takes long, which is
// only done if there is such an integer: 2^53 is 9,007,199,254,740,992.
export function parse(text) {
  return /\d{17}|9(?!00[0-6])\d{15}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
}

function exact(_key, value, context) {
  const lossy = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
  return lossy && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context.source) : value;
}

// complaint says why a value is no envelope that this page understands, or null.
export function complaint(value) {
  if (typeof value !== 'object' || value === null || !('schema_version' in value)) {
    return 'The answer is not that of the metrics service.';
  }
  if (value.schema_version !== 1) {
    return `The answer has schema version ${value.schema_version}, and this page understands 1. Reload the page.`;
  }
  return null;
}

export const switchedOff = (envelope) => envelope.enabled === false;

// extensions are the keys of sections that this page does not know.
export const extensions = (envelope) => Object.keys(envelope).filter((key) => !core.has(key));

export const report = (envelope, key) => (Object.hasOwn(envelope.sections ?? {}, key) ? envelope.sections[key] : null);
