/** Whether it is a system's error with that code (`ENOENT`). */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
