/** One message as the queue hands it out. */
export interface Message {
  /** The same each time the message is handed out. */
  readonly id: string;
  /** Of this time: what deletes it. */
  readonly receipt: string;
  readonly body: unknown;
}

/** Throws for anything but a list of messages. */
export function readMessages(answer: unknown): readonly Message[] {
  if (Array.isArray(answer) && answer.every(isMessage)) return answer;
  throw new Error('it did not answer with a list of messages');
}

function isMessage(value: unknown): value is Message {
  const { id, receipt } = (value ?? {}) as Partial<Record<keyof Message, unknown>>;
  return [id, receipt].every((text) => typeof text === 'string' && /^\S{1,120}$/.test(text));
}
