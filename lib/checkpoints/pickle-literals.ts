import type { PickleCursor } from "./pickle-cursor";
import type { PickleValue } from "./pickle-values";

/** The value that an opcode carries; undefined for opcodes that carry none. */
export function readLiteral(code: number, cursor: PickleCursor): PickleValue | undefined {
  switch (code) {
    case 0x4e: // NONE
      return null;
    case 0x88: // NEWTRUE
      return true;
    case 0x89: // NEWFALSE
      return false;
    case 0x4b: // BININT1
      return cursor.unsigned(1);
    case 0x4d: // BININT2
      return cursor.unsigned(2);
    case 0x4a: // BININT
      return cursor.int32();
    case 0x8a: // LONG1
      return cursor.integer(cursor.unsigned(1));
    case 0x8b: // LONG4
      return cursor.integer(cursor.unsigned(4));
    case 0x47: // BINFLOAT
      return cursor.float64();
    case 0x8c: // SHORT_BINUNICODE
    case 0x55: // SHORT_BINSTRING, of Python 2
      return cursor.text(cursor.unsigned(1));
    case 0x58: // BINUNICODE
    case 0x54: // BINSTRING, of Python 2
      return cursor.text(cursor.unsigned(4));
    case 0x8d: // BINUNICODE8
      return cursor.text(cursor.length64());
    case 0x43: // SHORT_BINBYTES
      return cursor.take(cursor.unsigned(1));
    case 0x42: // BINBYTES
      return cursor.take(cursor.unsigned(4));
    case 0x8e: // BINBYTES8
    case 0x96: // BYTEARRAY8
      return cursor.take(cursor.length64());
    default:
      return undefined;
  }
}
