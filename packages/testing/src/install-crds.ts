import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { ApiClient, ApiObject } from './api-client.js';
import { eventually } from './eventually.js';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Creates CustomResourceDefinitions (YAML texts, or paths of files with them) and waits until each is served. */
export async function installCrds(client: ApiClient, pathsOrTexts: readonly string[]): Promise<void> {
  for (const pathOrText of pathsOrTexts) {
    const text = pathOrText.includes('\n') ? pathOrText : await readFile(pathOrText, 'utf8');
    for (const document of parseAllDocuments(text)) {
      const crd = document.toJS() as ApiObject | null;
      if (crd !== null) await installCrd(client, crd);
    }
  }
}

/** Creates one CustomResourceDefinition and waits until it is established. */
export async function installCrd(client: ApiClient, crd: Pick<ApiObject, 'metadata'> | object): Promise<void> {
  const made = await client.request('POST', DEFINITIONS, crd);
  if (made.status !== 201) throw new Error(`the CRD was refused: ${made.status} ${made.text}`);
  const { name } = made.json.metadata;
  await eventually(
    async () => {
      const { json } = await client.request('GET', `${DEFINITIONS}/${name}`);
      const { conditions = [] } = (json.status ?? {}) as { conditions?: { type: string; status: string }[] };
      return conditions.some(({ type, status }) => type === 'Established' && status === 'True');
    },
    { because: `CRD ${name} should be established`, timeoutMs: 30_000 },
  );
}
