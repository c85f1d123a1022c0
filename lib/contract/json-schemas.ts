import { z } from "zod";
import { methodChoice, methodNames, methodSettings } from "./methods";
import { modelCard, modelPointer } from "./model-card";
import { outcome } from "./outcome";
import { dispatch, plan, workItem } from "./plan";
import { result } from "./result";
import { settings } from "./settings";
import { current, runSummary, summary } from "./summary";

/** The documents that other programs read or write, by the name of their schema's file. */
const documents: Readonly<Record<string, { readonly title: string; readonly schema: z.ZodType }>> = {
  "batch-settings": { title: "incoming/<batch>/batch.json: what a batch may choose", schema: settings },
  current: { title: "results/<batch>/current.json: which run the summary shows", schema: current },
  dispatch: {
    title: "runs/<batch>/<run>/dispatch/<n>-<part>.json: a claim with a lease, and the job it became",
    schema: dispatch,
  },
  "model-card": {
    title: "card.json beside a model: what it is, how its input is made, how far it can be trusted",
    schema: modelCard,
  },
  "model-pointer": { title: "models/names/<name>.json: the model that a name stands for", schema: modelPointer },
  outcome: { title: "One line of runs/<batch>/<run>/shards/<n>-<i>.jsonl: how a planned item ended", schema: outcome },
  plan: { title: "runs/<batch>/<run>/plan.json: created once, never changed", schema: plan },
  result: { title: "result.json: what the network says of one image, and why", schema: result },
  "run-summary": { title: "runs/<batch>/<run>/summary.json: the counts of one run", schema: runSummary },
  summary: { title: "results/<batch>/summary.json: the union of the batch's runs", schema: summary },
  "work-item": {
    title: "One line of a run's draft: an image, or a region of one, to classify and explain",
    schema: workItem,
  },
};

/** JSON Schemas (draft 2020-12) of the documents as they lie in a bucket; what has a default may be left out. */
export function jsonSchemas(): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.entries(documents).map(([name, { title, schema }]) => [name, { title, ...jsonSchemaOf(schema) }]),
  );
}

function jsonSchemaOf(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== (methodChoice as z.core.$ZodType)) return;
      // People may write a method's name alone; the conversion sees only the object that is made of it.
      const { $schema: _, ...object } = z.toJSONSchema(methodSettings, { io: "input" });
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, { anyOf: [{ type: "string", enum: [...methodNames] }, object] });
    },
  });
}
