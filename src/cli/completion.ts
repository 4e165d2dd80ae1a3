import completions from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/**
 * `bro-osquery completion SHELL` prints a script for bash, zsh, fish or PowerShell, which asks the program itself, by
 * the hidden command `complete`, for what may follow.
 */
export function addCompletion(program: Command): void {
  completions(program, { completionCommandName: 'completion' });
}
