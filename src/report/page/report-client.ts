/** The report's script: charts, sorting and searching. What hosts say reaches the page only as text. */
import { drawCharts } from './charts.ts';
import { searchTables, sortTables } from './tables.ts';
import { startTheme } from './theme.ts';

sortTables();
searchTables();
const redraw = drawCharts();
startTheme(redraw);
