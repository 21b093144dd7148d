import { type CompiledTemplate, compileTemplate } from '@kube-trigger/expressions';

const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+( *; *[a-z0-9_.-]+=([^\s";,]+|"[\x20\x21\x23-\x7e]*"))*$/i;

export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text);
}

function isJson(contentType: string): boolean {
  return /^[^;]*[/+]json *(;|$)/i.test(contentType);
}

export interface BodyConfig {
  readonly template: string;
  readonly contentType: string;
}

/** An empty template is an empty body, also where the type is JSON. */
export function compileBody({ template, contentType }: BodyConfig): CompiledTemplate {
  if (template === '') return { template: { needsObject: false, render: () => '' } };
  return compileTemplate(template, { format: isJson(contentType) ? 'json' : 'text' });
}
