import picocolors from 'picocolors';

export interface StepResult {
  readonly step: string;
  readonly ok: boolean;
  readonly tookMs: number;
  /** What was seen, read from the API. */
  readonly saw?: string;
  readonly detail?: string;
  /** The last lines of the operator's log, where the step failed. */
  readonly operatorLog?: readonly string[];
}

export interface Presenter {
  heading(text: string): void;
  step(result: StepResult): void;
  note(text: string): void;
}

/** For people: a tick per step; colours only on a terminal that wants them. */
export function humanPresenter(out: NodeJS.WritableStream & { isTTY?: boolean }): Presenter {
  const wanted = out.isTTY === true && process.env['NO_COLOR'] === undefined;
  const { green, red, dim, bold } = picocolors.createColors(wanted);
  const line = (text: string) => void out.write(`${text}\n`);
  return {
    heading: (text) => line(`\n${bold(text)}\n`),
    note: (text) => line(text),
    step: ({ step, ok, tookMs, saw, detail, operatorLog = [] }) => {
      line(`  ${ok ? green('✔') : red('✘')} ${step} ${dim(`(${(tookMs / 1000).toFixed(1)} s)`)}`);
      if (saw !== undefined) line(`      ${saw}`);
      if (detail !== undefined) line(`      ${dim(detail)}`);
      if (operatorLog.length > 0) line(`      the operator said last:`);
      for (const said of operatorLog) line(`        ${dim(said)}`);
    },
  };
}

/** For machines: nothing until the end. */
export const silentPresenter: Presenter = {
  heading: () => undefined,
  note: () => undefined,
  step: () => undefined,
};
