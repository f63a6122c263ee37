import puppeteer from 'puppeteer-core';

import { chromium } from './chromium.mjs';

export const launch = () => puppeteer.launch(chromium());
