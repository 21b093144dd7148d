import type { PluginMetrics } from '@kube-trigger/core';
import { RecordingLogger } from '@kube-trigger/testing/contracts';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { PluginMeters } from '../../src/server/plugin-metrics.js';

function meters() {
  const registry = new Registry();
  const logger = new RecordingLogger();
  const all = new PluginMeters(registry, logger);
  return { registry, logger, all, chat: all.of({ kind: 'action', name: 'chatRoom' }) };
}

const sent = { name: 'sent_total', help: 'Messages sent.', labels: ['room'] };

describe('metrics of plugins', () => {
  it('carry the name of their plugin, and are the same for each instance', async () => {
    const { registry, all, chat } = meters();
    chat.counter(sent).add(2, { room: 'a' });
    all.of({ kind: 'action', name: 'chatRoom' }).counter(sent).add(1, { room: 'a' });
    all.of({ kind: 'source', name: 'chatRoom' }).counter(sent).add(5, { room: 'a' });
    chat.histogram({ name: 'size_bytes', help: 'Sizes.', buckets: [10, 100] }).observe(50);
    const text = await registry.metrics();
    expect(text).toContain('kube_trigger_plugin_action_chat_room_sent_total{room="a"} 3');
    expect(text).toContain('kube_trigger_plugin_source_chat_room_sent_total{room="a"} 5');
    expect(text).toContain('kube_trigger_plugin_action_chat_room_size_bytes_bucket{le="100"} 1');
  });

  it('are left out beyond 100 combinations of labels, and that is logged once', async () => {
    const { registry, chat, logger } = meters();
    const counter = chat.counter(sent);
    for (let n = 0; n < 200; n += 1) counter.add(1, { room: `room-${n}` });
    counter.add(1, { room: 'room-7' });
    const text = await registry.metrics();
    expect(text.match(/^kube_trigger_plugin_action_chat_room_sent_total\{/gm)).toHaveLength(100);
    expect(text).toContain('{room="room-7"} 2');
    expect(logger.lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        facts: expect.objectContaining({
          metric: 'sent_total',
          reason: expect.stringMatching(/100/) as string,
        }) as object,
      }),
    ]);
  });

  it('are left out beyond 20 of them', async () => {
    const { registry, chat } = meters();
    for (let n = 0; n < 30; n += 1) chat.counter({ name: `n${n}_total`, help: 'N.' }).add();
    expect((await registry.metrics()).match(/^# TYPE/gm)).toHaveLength(20);
  });

  const SLIPS: Record<string, (chat: PluginMetrics) => void> = {
    'a name that is none': (chat) => chat.counter({ name: 'a b', help: 'X.' }).add(),
    'a label that was not declared': (chat) => chat.counter(sent).add(1, { x: 'y' }),
    'a falling counter': (chat) => chat.counter(sent).add(-1, { room: 'a' }),
    'another kind under the same name': (chat) => {
      chat.counter(sent);
      chat.histogram({ ...sent, buckets: [1] }).observe(1, { room: 'a' });
    },
  };
  it.each(Object.entries(SLIPS))('with %s are logged and throw nothing', (_, slip) => {
    const { chat, logger } = meters();
    slip(chat);
    expect(logger.lines).toHaveLength(1);
  });
});
