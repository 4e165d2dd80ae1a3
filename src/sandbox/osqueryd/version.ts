/** The version of osqueryd whose behaviour the stand-in has. */
export const VERSION = '5.23.1';
