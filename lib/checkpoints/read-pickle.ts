import { beyondLimit } from "./checkpoint-errors";
import { malformed, opcodeName, PickleCursor } from "./pickle-cursor";
import { readLiteral } from "./pickle-literals";
import {
  isDictionary,
  isGlobal,
  isSequence,
  isUnread,
  kindOfValue,
  type PickleGlobal,
  type PickleValue,
} from "./pickle-values";

/** What the names in a pickle mean. */
export interface PickleVocabulary {
  /** Called for every class and function that is named, whether it is used or not; throws to refuse the file. */
  name(module: string, name: string): PickleGlobal;
  /** What calling a class or function makes; `spend` is told of every item copied, so that copies of copies end. */
  call(callee: PickleGlobal, parameters: readonly PickleValue[], spend: (items: number) => void): PickleValue;
  /** What an object kept outside the pickle, such as a storage, is. */
  persistent(identity: PickleValue): PickleValue;
}

/** A tensor takes about 40 steps, and an optimiser keeps two more tensors for each. */
const mostSteps = 2_000_000;

/**
 * The value of a pickle of protocols 2 to 5, and where the pickle ends. It is interpreted as data: opcodes move values
 * on a stack, names stay names, and a call is what the vocabulary says. Time and memory are linear in the pickle's
 * length. Source: the comments of pickletools in CPython, which describe each opcode.
 * Throws ModelError "checkpoint.invalid", "checkpoint.limit", and what the vocabulary throws.
 */
export function readPickle(bytes: Uint8Array, vocabulary: PickleVocabulary): { value: PickleValue; end: number } {
  const machine = new PickleMachine(bytes, vocabulary);
  return { value: machine.run(), end: machine.cursor.position };
}

class PickleMachine {
  readonly cursor: PickleCursor;
  private stack: PickleValue[] = [];
  private readonly stacksBelow: PickleValue[][] = [];
  private readonly memo = new Map<number, PickleValue>();
  private stepsLeft = mostSteps;

  constructor(
    bytes: Uint8Array,
    private readonly vocabulary: PickleVocabulary,
  ) {
    this.cursor = new PickleCursor(bytes);
  }

  run(): PickleValue {
    for (;;) {
      this.spend(1);
      const code = this.cursor.unsigned(1);
      if (code === 0x2e) return this.pop(); // STOP
      const value = readLiteral(code, this.cursor);
      if (value !== undefined) this.stack.push(value);
      else if (!this.collect(code) && !this.remember(code)) this.act(code);
    }
  }

  private readonly spend = (steps: number): void => {
    this.stepsLeft -= steps;
    if (this.stepsLeft < 0) throw beyondLimit("a pickle", `${mostSteps} steps`, "one with more");
  };

  /** Opcodes that make containers and fill them. */
  private collect(code: number): boolean {
    switch (code) {
      case 0x5d: // EMPTY_LIST
        return this.push({ kind: "list", items: [] });
      case 0x29: // EMPTY_TUPLE
        return this.push({ kind: "tuple", items: [] });
      case 0x7d: // EMPTY_DICT
        return this.push({ kind: "dict", entries: [] });
      case 0x8f: // EMPTY_SET
        return this.push({ kind: "set", items: [] });
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.push({ kind: "tuple", items: this.popMany(code - 0x84) });
      case 0x74: // TUPLE
        return this.push({ kind: "tuple", items: this.popToMark() });
      case 0x6c: // LIST
        return this.push({ kind: "list", items: this.popToMark() });
      case 0x91: // FROZENSET
        return this.push({ kind: "set", items: this.popToMark() });
      case 0x64: // DICT
        return this.push({ kind: "dict", entries: pairs(this.popToMark()) });
      case 0x61: // APPEND
        return this.append(this.popMany(1));
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        return this.append(this.popToMark());
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popToMark());
      default:
        return false;
    }
  }

  /** Opcodes that keep values by number and bring them back. */
  private remember(code: number): boolean {
    const { cursor, memo } = this;
    switch (code) {
      case 0x71: // BINPUT
        memo.set(cursor.unsigned(1), this.top());
        return true;
      case 0x72: // LONG_BINPUT
        memo.set(cursor.unsigned(4), this.top());
        return true;
      case 0x94: // MEMOIZE
        memo.set(memo.size, this.top());
        return true;
      case 0x68: // BINGET
        return this.push(this.recall(cursor.unsigned(1)));
      case 0x6a: // LONG_BINGET
        return this.push(this.recall(cursor.unsigned(4)));
      default:
        return false;
    }
  }

  /** Opcodes that name, call and build objects, and those that only arrange the stack. */
  private act(code: number): void {
    switch (code) {
      case 0x80: // PROTO
        return this.checkProtocol(this.cursor.unsigned(1));
      case 0x95: // FRAME
        this.cursor.length64();
        return;
      case 0x28: // MARK
        this.stacksBelow.push(this.stack);
        this.stack = [];
        return;
      case 0x30: // POP
        if (this.stack.length > 0) this.stack.pop();
        else this.popToMark();
        return;
      case 0x31: // POP_MARK
        this.popToMark();
        return;
      case 0x32: // DUP
        this.push(this.top());
        return;
      case 0x63: // GLOBAL
        this.push(this.vocabulary.name(this.cursor.line(), this.cursor.line()));
        return;
      case 0x93: // STACK_GLOBAL
        return this.nameFromStack();
      case 0x51: // BINPERSID
        this.push(this.vocabulary.persistent(this.pop()));
        return;
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.call(this.popMany(2));
      case 0x92: // NEWOBJ_EX
        return this.call(this.popMany(3));
      case 0x62: // BUILD
        // The state of an object, such as the versions in a state dictionary's _metadata, is of no use here.
        this.popMany(1);
        this.top();
        return;
      default:
        throw malformed("opcodes of protocols 2 to 5", opcodeName(code));
    }
  }

  private checkProtocol(version: number): void {
    if (version < 2 || version > 5) throw malformed("protocol 2 to 5", `protocol ${version}`);
  }

  private nameFromStack(): void {
    const [module, name] = this.popMany(2);
    if (typeof module !== "string" || typeof name !== "string") {
      throw malformed("a module and a name as texts", `${kindOfValue(module)} and ${kindOfValue(name)}`);
    }
    this.push(this.vocabulary.name(module, name));
  }

  private call([callee = null, parameters = null]: readonly PickleValue[]): void {
    if (!isUnread(callee)) throw malformed("a class or function to call", kindOfValue(callee));
    if (!isSequence(parameters) || parameters.kind !== "tuple") {
      throw malformed(`a tuple of parameters for ${callee.name}`, kindOfValue(parameters));
    }
    this.push(
      isGlobal(callee) ? this.vocabulary.call(callee, parameters.items, this.spend) : { ...callee, kind: "unread" },
    );
  }

  private append(items: PickleValue[]): true {
    const target = this.top();
    if (isSequence(target) && target.kind !== "tuple") {
      for (const item of items) target.items.push(item);
    } else if (!isUnread(target)) throw malformed("a list to add to", kindOfValue(target));
    return true;
  }

  private setItems(items: PickleValue[]): true {
    const target = this.top();
    if (isDictionary(target)) {
      for (const pair of pairs(items)) target.entries.push(pair);
    } else if (!isUnread(target)) throw malformed("a dictionary to add to", kindOfValue(target));
    return true;
  }

  private push(value: PickleValue): true {
    this.stack.push(value);
    return true;
  }

  private top(): PickleValue {
    const value = this.stack.at(-1);
    if (value === undefined) throw malformed("a value on the stack", "none");
    return value;
  }

  private pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined) throw malformed("a value on the stack", "none");
    return value;
  }

  private popMany(count: number): PickleValue[] {
    if (this.stack.length < count) throw malformed(`${count} values on the stack`, `${this.stack.length}`);
    return this.stack.splice(this.stack.length - count, count);
  }

  private popToMark(): PickleValue[] {
    const items = this.stack;
    const below = this.stacksBelow.pop();
    if (below === undefined) throw malformed("a mark on the stack", "none");
    this.stack = below;
    return items;
  }

  private recall(index: number): PickleValue {
    const value = this.memo.get(index);
    if (value === undefined) throw malformed(`a value remembered as ${index}`, "none");
    return value;
  }
}

function pairs(items: readonly PickleValue[]): [PickleValue, PickleValue][] {
  if (items.length % 2 !== 0) throw malformed("keys and values in pairs", `${items.length} values`);
  return Array.from({ length: items.length / 2 }, (_, index) => [
    items[2 * index] ?? null,
    items[2 * index + 1] ?? null,
  ]);
}
