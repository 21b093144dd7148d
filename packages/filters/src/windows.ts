import {
  type ConfigIssue,
  type Filter,
  type FilterContext,
  PASS,
  type TriggerEvent,
  type Verdict,
} from '@kube-trigger/core';
import {
  cronIssue,
  cronSchedule,
  instantText,
  isAlwaysOpen,
  timeZoneIssue,
  windowAt,
  type Windows,
} from '@kube-trigger/schedule';
import { injectable } from 'tsyringe';
import { type Static, Type } from 'typebox';

const WINDOW_FIELDS = {
  schedule: Type.String({
    description: 'When it begins: a cron expression of five fields (or six, seconds first), as in the timer source.',
    examples: ['0 22 * * *'],
  }),
  durationMinutes: Type.Integer({
    minimum: 1,
    maximum: 44_640,
    description: 'How long it lasts. Where one reaches to the next they are one.',
  }),
  timeZone: Type.Optional(
    Type.String({
      description: 'Whose clocks the schedule means: a name of the IANA database. Default: UTC.',
      examples: ['Europe/Berlin'],
    }),
  ),
};

export const WindowConfig = Type.Object(WINDOW_FIELDS, {
  additionalProperties: false,
  description: 'Lets changes pass while it is open; the others wait until it opens.',
});
export type WindowConfig = Static<typeof WindowConfig>;

export const BlackoutConfig = Type.Object(WINDOW_FIELDS, {
  additionalProperties: false,
  description: 'Holds changes back while it lasts; they wait until its end.',
});

export function validateWindow(config: WindowConfig): ConfigIssue[] {
  return [
    ...issuesOf(config),
    ...alwaysOpen(config, 'it would always be open and the filter do nothing; shorten it, or remove the filter'),
  ];
}

export function validateBlackout(config: WindowConfig): ConfigIssue[] {
  return [...issuesOf(config), ...alwaysOpen(config, 'it would never end and nothing could pass; shorten it')];
}

function issuesOf({ schedule, timeZone }: WindowConfig): ConfigIssue[] {
  const found = {
    schedule: cronIssue(schedule),
    timeZone: timeZone === undefined ? undefined : timeZoneIssue(timeZone),
  };
  return Object.entries(found).flatMap(([path, message]) => (message === undefined ? [] : [{ path, message }]));
}

function alwaysOpen(config: WindowConfig, consequence: string): ConfigIssue[] {
  if (issuesOf(config).length > 0 || !isAlwaysOpen(windowsOf(config, ''))) return [];
  const message = `${config.durationMinutes} reaches from each beginning ("${config.schedule}") to the next: ${consequence}`;
  return [{ path: 'durationMinutes', message }];
}

/** Passes while its window is open. */
@injectable()
export class WindowFilter implements Filter<WindowConfig> {
  readonly #sights = new WeakMap<WindowConfig, Sight>();

  decide(config: WindowConfig, _event: TriggerEvent, context: FilterContext): Verdict {
    const { isOpen, untilMs, until } = sightOf(this.#sights, config, context);
    return isOpen ? PASS : { deferUntilMs: untilMs, because: `the window opens at ${until}` };
  }
}

/** Passes while there is no blackout. */
@injectable()
export class BlackoutFilter implements Filter<WindowConfig> {
  readonly #sights = new WeakMap<WindowConfig, Sight>();

  decide(config: WindowConfig, _event: TriggerEvent, context: FilterContext): Verdict {
    const { isOpen, untilMs, until } = sightOf(this.#sights, config, context);
    return isOpen ? { deferUntilMs: untilMs, because: `the blackout ends at ${until}` } : PASS;
  }
}

/** What holds from `fromMs`, when it was found out, until `untilMs`: found out once for all that asks meanwhile. */
interface Sight {
  readonly windows: Windows;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly isOpen: boolean;
  /** `untilMs` in words. */
  readonly until: string;
}

function sightOf(sights: WeakMap<WindowConfig, Sight>, config: WindowConfig, context: FilterContext): Sight {
  const { scheduler, rule } = context;
  const nowMs = scheduler.now();
  const before = sights.get(config);
  if (before !== undefined && before.fromMs <= nowMs && nowMs < before.untilMs) return before;
  const windows = before?.windows ?? windowsOf(config, `${rule.namespace}/${rule.name}`);
  const { isOpen, untilMs } = windowAt(windows, nowMs);
  const sight = { windows, fromMs: nowMs, untilMs, isOpen, until: instantIn(untilMs, config) };
  sights.set(config, sight);
  return sight;
}

function windowsOf({ schedule, durationMinutes, timeZone }: WindowConfig, hashSeed: string): Windows {
  return { starts: cronSchedule(schedule, { timeZone, hashSeed }), durationMs: durationMinutes * 60_000 };
}

/** `2026-03-29T20:00:00Z`, and in another zone also what its clocks show: `(22:00 Europe/Berlin)`. */
function instantIn(atMs: number, { timeZone }: WindowConfig): string {
  const utc = instantText(atMs);
  if (timeZone === undefined || timeZone === 'UTC') return utc;
  const local = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(atMs);
  return `${utc} (${local} ${timeZone})`;
}
