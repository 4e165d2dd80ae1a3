// Numbers and layouts of <mach-o/loader.h>.
const MAGIC_64 = 0xfeedfacf;
const HEADER = 32;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const COMMAND = 16;
const ALIGNMENT = 16;
const PAGE = 0x4000;

/** The file with one more load command, which names 16 empty bytes at its end as its signature. */
export function withRoomForSignature(file: Buffer): Buffer {
  if (file.readUInt32LE(0) !== MAGIC_64) throw new Error('this is not a 64-bit Mach-O file');
  const count = file.readUInt32LE(16);
  const size = file.readUInt32LE(20);
  const { linkEdit, firstContent } = lookThrough(file, count);
  const end = HEADER + size;
  if (end + COMMAND > firstContent) throw new Error('there is no room for one more load command');
  const start = Math.ceil(file.length / ALIGNMENT) * ALIGNMENT;
  const signed = Buffer.alloc(start + COMMAND);
  file.copy(signed);
  const begins = Number(file.readBigUInt64LE(linkEdit + 40));
  const holds = signed.length - begins;
  signed.writeBigUInt64LE(BigInt(Math.ceil(holds / PAGE) * PAGE), linkEdit + 32);
  signed.writeBigUInt64LE(BigInt(holds), linkEdit + 48);
  for (const [index, word] of [LC_CODE_SIGNATURE, COMMAND, start, COMMAND].entries()) {
    signed.writeUInt32LE(word, end + 4 * index);
  }
  signed.writeUInt32LE(count + 1, 16);
  signed.writeUInt32LE(size + COMMAND, 20);
  return signed;
}

/** Where the last segment's load command is, and where the first content of a section begins. */
function lookThrough(file: Buffer, count: number): { linkEdit: number; firstContent: number } {
  let at = HEADER;
  let linkEdit = 0;
  let firstContent = file.length;
  for (let index = 0; index < count; index += 1) {
    const command = file.readUInt32LE(at);
    if (command === LC_CODE_SIGNATURE) throw new Error('the file has a signature already');
    if (command === LC_SEGMENT_64) {
      if (file.toString('latin1', at + 8, at + 24).startsWith('__LINKEDIT')) linkEdit = at;
      for (let section = 0; section < file.readUInt32LE(at + 64); section += 1) {
        const offset = file.readUInt32LE(at + 72 + section * 80 + 48);
        if (offset > 0) firstContent = Math.min(firstContent, offset);
      }
    }
    at += file.readUInt32LE(at + 4);
  }
  if (linkEdit === 0) throw new Error('the file has no segment __LINKEDIT');
  return { linkEdit, firstContent };
}
