/** The one pnpm that installs and packs: a native binary, through npx. */
export const PNPM = 'pnpm@12.21.0';
