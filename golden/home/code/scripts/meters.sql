-- Questions to the little database of the meters (sqlite, ladu:/docs/meters.db).
-- Run one of them with:  sqlite3 -box meters.db < meters.sql

-- readings(meter TEXT, taken_at TEXT, value REAL)   one row per reading, value only grows
-- prices(meter TEXT, valid_from TEXT, eur REAL)     price per unit

CREATE VIEW IF NOT EXISTS monthly AS
-- Use per month: last reading of the month minus the last one of the month before.
SELECT meter,
       substr(taken_at, 1, 7)                                        AS month,
       max(value) - lag(max(value)) OVER (PARTITION BY meter
                                          ORDER BY substr(taken_at, 1, 7)) AS used
FROM readings
GROUP BY meter, month;

-- Cost per month with the price that was valid on the first of it.
SELECT m.month, m.meter, round(m.used * p.eur, 2) AS eur
FROM monthly m
JOIN prices p ON p.meter = m.meter
 AND p.valid_from = (SELECT max(valid_from) FROM prices
                     WHERE meter = m.meter AND valid_from <= m.month || '-01')
WHERE m.used IS NOT NULL
ORDER BY m.month, m.meter;

-- Nights with a leak: the water meter moved between 01:00 and 05:00 by more than 12 litres.
SELECT date(taken_at) AS night, round((max(value) - min(value)) * 1000) AS litres
FROM readings
WHERE meter = 'water' AND time(taken_at) BETWEEN '01:00' AND '05:00'
GROUP BY night
HAVING litres > 12;

-- Readings that go backwards; there were three in 2025, all typing errors by Henrik.
SELECT * FROM (
    SELECT meter, taken_at, value,
           lag(value) OVER (PARTITION BY meter ORDER BY taken_at) AS before
    FROM readings)
WHERE value < before;
