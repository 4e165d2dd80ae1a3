/** The manual's pages, beside this file, in the order in which one reads them. */
export const TOPICS = [
  'install',
  'configure',
  'tls',
  'nats',
  'gateway',
  'console',
  'operate',
  'attribution',
  'detect',
  'analyse',
  'migrate',
  'troubleshoot',
  'debug',
  'develop',
  'glossary',
] as const;
