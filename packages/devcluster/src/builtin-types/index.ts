import type { Schema } from '../schema/schema.js';
import { CORE_TYPES } from './core.js';
import { readTypes } from './dsl.js';
import { GROUP_TYPES } from './groups.js';

/** The schemas of the built-in types, by their Go names. */
export const BUILTIN_TYPES: ReadonlyMap<string, Schema> = readTypes(CORE_TYPES + GROUP_TYPES);
