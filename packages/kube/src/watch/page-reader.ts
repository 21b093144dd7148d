import type { Deadline } from '../time.js';
import type { ObjectVersion } from './contract.js';
import { type Inventory, versionOf } from './inventory.js';
import type { Outlet, Page, SaidObject, Wire } from './wire.js';

export interface PageReaderParts {
  readonly wire: Wire;
  readonly inventory: Pick<Inventory<unknown>, 'beginList' | 'recognise' | 'present'>;
  readonly pageSize: number;
  /** Whether it is worth asking for names and versions first: some objects may be known. */
  mayRecognise(): boolean;
}

/** Of names and versions, which are small. */
const METADATA_PAGE = 500;
/** Up to this part of a page is read object by object; where more is unknown, the whole page is. */
const FEW = 0.1;

/**
 * Brings the inventory up to a list, page by page: by names and versions as long as nearly all objects are known by these, else with their
 * contents.
 */
export class PageReader {
  #sparing = false;

  constructor(private readonly parts: PageReaderParts) {}

  /** Before the first page of a list. */
  begin(): void {
    this.#sparing = this.parts.mayRecognise();
    this.parts.inventory.beginList();
  }

  async read(outlet: Outlet, token: string, limit: Deadline): Promise<Page> {
    const spared = this.#sparing ? await this.#readVersions(outlet, token, limit) : undefined;
    return spared ?? this.#readContents(outlet, token, limit);
  }

  /** Undefined when too much is unknown. */
  async #readVersions(outlet: Outlet, token: string, limit: Deadline): Promise<Page | undefined> {
    const { wire, inventory } = this.parts;
    const request = { limit: METADATA_PAGE, signal: limit.signal, onBytes: () => limit.touch() };
    const unknown: ObjectVersion[] = [];
    let count = 0;
    const onVersion = (object: SaidObject): void => {
      count += 1;
      if (!inventory.recognise(object)) unknown.push(versionOf(object));
    };
    const page = await wire.list(outlet, { ...request, token, metadataOnly: true, onItem: onVersion });
    if (unknown.length > count * FEW) return undefined;
    const onItem = (object: SaidObject): void => inventory.present(object);
    for (const only of unknown) await wire.list(outlet, { ...request, token: '', only, onItem });
    return page;
  }

  async #readContents(outlet: Outlet, token: string, limit: Deadline): Promise<Page> {
    const { wire, inventory, pageSize } = this.parts;
    let count = 0;
    let known = 0;
    const onItem = (object: SaidObject): void => {
      count += 1;
      if (inventory.recognise(object)) known += 1;
      else inventory.present(object);
    };
    const request = { limit: pageSize, token, signal: limit.signal, onBytes: () => limit.touch() };
    const page = await wire.list(outlet, { ...request, onItem });
    this.#sparing = known >= count * (1 - FEW) && this.parts.mayRecognise();
    return page;
  }
}
