import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { imageRuntime } from '../src/suite/image.js';

describe('how the image starts node', () => {
  it('is what its recipe says, with half of the memory limit in MiB', () => {
    const recipe = [
      'ENV NODE_ENV=production NODE_OPTIONS="--max-semi-space-size=1 --max-old-space-size-percentage=50" \\',
      '    MALLOC_ARENA_MAX=1',
      'ENTRYPOINT ["/nodejs/bin/node", "--max-opt=2", "/app/bin/kube-trigger.js"]',
    ];
    expect(imageRuntime(recipe.join('\n'))).toEqual({
      env: {
        NODE_ENV: 'production',
        NODE_OPTIONS: '--max-semi-space-size=1 --max-old-space-size=128',
        MALLOC_ARENA_MAX: '1',
      },
      nodeArgs: ['--max-opt=2'],
    });
  });

  it('is an error when it cannot be read', () => {
    expect(() => imageRuntime('ENTRYPOINT ["/nodejs/bin/node", "/app/bin/kube-trigger.js"]')).toThrow(/no --max-old/);
    const env = 'ENV NODE_OPTIONS="--max-old-space-size-percentage=50"';
    expect(() => imageRuntime(`${env}\nENTRYPOINT ["/bin/sh"]`)).toThrow(/another ENTRYPOINT/);
  });

  it('is taken by this Node, flag by flag', () => {
    const { env, nodeArgs } = imageRuntime();
    const program = 'process.stdout.write(new Date(0).toISOString())';
    const said = execFileSync(process.execPath, [...nodeArgs, '--eval', program], { env: { ...process.env, ...env } });
    expect(said.toString()).toBe('1970-01-01T00:00:00.000Z');
  });
});
