import { setTimeout as pause } from 'node:timers/promises';

/** Looks every few milliseconds until the condition holds. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await pause(10);
  }
}
