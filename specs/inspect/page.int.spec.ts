/**
 * Specs of the page, in one process: statecharts are laid out once, the page is bundled once and one browser started,
 * which takes longer than most of them do. Each file also runs alone.
 */
import './page/moments.ts';
import './page/controls.ts';
import './page/details.ts';
import './page/past.ts';
import './page/search.ts';
import './page/rows.ts';
import './page/live.ts';
import './page/time.ts';
import './page/charts.ts';
import './page/filters.ts';
import './page/accessibility.ts';
