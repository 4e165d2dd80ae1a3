/** States in which something is not as it should be, by their last names. */
const TROUBLE =
  /^(backingOff|refused|blocked|degraded|waiting|outOfStep|suspect|forgotten|stalled|declaring|held|expired)$/;

export function isTroubleState(id: string): boolean {
  return TROUBLE.test(id.slice(id.lastIndexOf('.') + 1));
}
