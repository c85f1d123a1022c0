import type { Dimension } from "../model";

/** One product of symbols with its whole coefficient. */
interface Term {
  readonly coefficient: number;
  readonly symbols: readonly string[];
}

type Sum = readonly Term[];

/**
 * Arithmetic on extents that may be symbols: results are sums of products in a canonical spelling ("2*batch + 1"),
 * so that equal extents get equal names. What does not simplify becomes a symbol of its own ("floor(height/2)").
 * Remembers the meaning of the names it made, hence one instance for one graph. Null, the unknown, stays null.
 */
export class SymbolicAlgebra {
  private readonly meanings = new Map<string, Sum>();
  private readonly fractions = new Set<string>();

  add(a: Dimension, b: Dimension): Dimension {
    if (typeof a === "number" && typeof b === "number") return a + b;
    if (a === null || b === null) return null;
    return this.name([...this.meaning(a), ...this.meaning(b)]);
  }

  subtract(a: Dimension, b: Dimension): Dimension {
    return this.add(a, this.multiply(b, -1));
  }

  multiply(a: Dimension, b: Dimension): Dimension {
    if (typeof a === "number" && typeof b === "number") return a * b;
    if (a === 0 || b === 0) return 0;
    if (a === null || b === null) return null;
    const right = this.meaning(b);
    return this.name(
      this.meaning(a).flatMap((x) =>
        right.map((y) => ({
          coefficient: x.coefficient * y.coefficient,
          symbols: [...x.symbols, ...y.symbols].sort(),
        })),
      ),
    );
  }

  product(extents: readonly Dimension[]): Dimension {
    return extents.reduce<Dimension>((product, extent) => this.multiply(product, extent), 1);
  }

  /** Rounds towards minus infinity. */
  floorDivide(a: Dimension, b: Dimension): Dimension {
    if (typeof a === "number" && typeof b === "number") return b === 0 ? null : Math.floor(a / b);
    if (a === null || b === null) return null;
    return this.divideExactly(a, b) ?? `floor(${bracket(a)}/${bracket(b)})`;
  }

  ceilDivide(a: Dimension, b: Dimension): Dimension {
    if (typeof a === "number" && typeof b === "number") return b === 0 ? null : Math.ceil(a / b);
    if (a === null || b === null) return null;
    return this.divideExactly(a, b) ?? `ceil(${bracket(a)}/${bracket(b)})`;
  }

  /** Division of reals: an inexact quotient is a symbol that `roundToWhole` does not leave alone. */
  divide(a: Dimension, b: Dimension): Dimension {
    if (typeof a === "number" && typeof b === "number") return a / b;
    if (a === null || b === null) return null;
    const exact = this.divideExactly(a, b);
    if (exact !== undefined) return exact;
    const name = `(${bracket(a)}/${bracket(b)})`;
    this.fractions.add(name);
    return name;
  }

  /** Floor, ceil and the like: what is whole by its form stays as it is. */
  roundToWhole(name: string, compute: (value: number) => number, value: Dimension): Dimension {
    if (typeof value !== "string") return value === null ? null : compute(value);
    const whole = this.meaning(value).every(
      ({ coefficient, symbols }) =>
        Number.isInteger(coefficient) && !symbols.some((symbol) => this.fractions.has(symbol)),
    );
    return whole ? value : `${name}(${value})`;
  }

  /** The product of `numerator` over that of `denominator`, when the one is a multiple of the other by its form. */
  quotientOfProducts(numerator: readonly Dimension[], denominator: readonly Dimension[]): Dimension {
    const above = [...numerator];
    const below = denominator.filter((extent) => {
      const at = typeof extent === "string" ? above.indexOf(extent) : -1;
      if (at >= 0) above.splice(at, 1);
      return at < 0;
    });
    const [a, b] = [this.product(above), this.product(below)];
    if (a === null || b === null) return null;
    if (typeof a === "number" && typeof b === "number") return b !== 0 && a % b === 0 ? a / b : null;
    return this.divideExactly(a, b) ?? `(${bracket(a)}/${bracket(b)})`;
  }

  /** An operation without a closed form here: a number when all arguments are, else a symbol spelt like a call. */
  call(name: string, compute: (...values: number[]) => number, ...values: Dimension[]): Dimension {
    if (values.every((value) => typeof value === "number")) return compute(...values);
    return values.includes(null) ? null : `${name}(${values.join(", ")})`;
  }

  private divideExactly(a: number | string, b: number | string): Dimension | undefined {
    const divisors = this.meaning(b);
    const [divisor] = divisors;
    if (divisors.length !== 1 || !divisor || divisor.coefficient === 0) return a === b ? 1 : undefined;
    const quotient: Term[] = [];
    for (const term of this.meaning(a)) {
      const symbols = [...term.symbols];
      for (const symbol of divisor.symbols) {
        const at = symbols.indexOf(symbol);
        if (at < 0) return undefined;
        symbols.splice(at, 1);
      }
      if (term.coefficient % divisor.coefficient !== 0) return undefined;
      quotient.push({ coefficient: term.coefficient / divisor.coefficient, symbols });
    }
    return this.name(quotient);
  }

  private meaning(extent: number | string): Sum {
    if (typeof extent === "number") return extent === 0 ? [] : [{ coefficient: extent, symbols: [] }];
    return this.meanings.get(extent) ?? [{ coefficient: 1, symbols: [extent] }];
  }

  private name(terms: Sum): number | string {
    const collected = new Map<string, Term>();
    for (const { coefficient, symbols } of terms) {
      const key = symbols.join("*");
      collected.set(key, { coefficient: coefficient + (collected.get(key)?.coefficient ?? 0), symbols });
    }
    const sum = [...collected]
      .filter(([, { coefficient }]) => coefficient !== 0)
      .sort(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1));
    if (sum.length === 0) return 0;
    const [first] = sum;
    if (sum.length === 1 && first?.[0] === "") return first[1].coefficient;
    const name = sum
      .map(([, { coefficient, symbols }]) =>
        [...(coefficient === 1 && symbols.length > 0 ? [] : [coefficient]), ...symbols.map(bracket)].join("*"),
      )
      .join(" + ")
      .replaceAll("+ -1*", "- ")
      .replaceAll("+ -", "- ");
    if (sum.length > 1 || first?.[1].coefficient !== 1 || first[1].symbols.length !== 1)
      this.meanings.set(
        name,
        sum.map(([, term]) => term),
      );
    return name;
  }
}

function bracket(extent: number | string): string {
  return /^[\w.]+(\(.*\))?$/.test(String(extent)) ? String(extent) : `(${extent})`;
}
