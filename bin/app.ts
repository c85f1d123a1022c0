#!/usr/bin/env node
import { synthesize } from "../lib/infrastructure/app";

synthesize();
