// How a command joins the program.

import type { Command } from 'commander';
import type { Io } from '../terminal/io.ts';

/** Registers one command; `exit` sets the process's exit code without ending it. */
export type Register = (program: Command, io: Io, exit: (code: number) => void) => void;
