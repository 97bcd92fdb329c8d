//! Growth curves as SVG, drawn from the rows of a run.

use std::error::Error;
use std::fs;
use std::path::Path;

use plotters::prelude::*;

use crate::record::Row;

/// Readable on white and on black pages.
const INK: RGBColor = RGBColor(118, 118, 118);
const LINE: RGBColor = RGBColor(219, 109, 40);

/// A curve: what grows, and the line of the table for each size of it.
struct Curve {
    file: &'static str,
    title: &'static str,
    grows: &'static str,
    points: &'static [(f64, &'static str)],
}

const CURVES: [Curve; 3] = [
    Curve {
        file: "body-size.svg",
        title: "Queueing a send and taking its bytes (case 6)",
        grows: "bytes of body (0 drawn at 1)",
        points: &[
            (1.0, "6 queue a send of 0 B"),
            (128.0, "6 queue a send of 128 B"),
            (1024.0, "6 queue a send of 1 KiB"),
            (4096.0, "6 queue a send of 4 KiB"),
            (65_536.0, "6 queue a send of 64 KiB"),
            (4_194_304.0, "6 queue a send of 4 MiB"),
        ],
    },
    Curve {
        file: "in-flight.svg",
        title: "A send and its answer through the engine (case 12)",
        grows: "sends in flight",
        points: &[
            (1.0, "12 a turn, 1 in flight, 1 broker"),
            (100.0, "12 a turn, 100 in flight"),
            (10_000.0, "12 a turn, 10,000 in flight"),
            (100_000.0, "12 a turn, 100,000 in flight"),
        ],
    },
    Curve {
        file: "connections.svg",
        title: "A send and its answer through the engine (case 12)",
        grows: "connections",
        points: &[
            (1.0, "12 a turn, 1 connection"),
            (10.0, "12 a turn, 10 brokers"),
            (100.0, "12 a turn, 100 brokers"),
            (1000.0, "12 a turn, 1,000 brokers"),
        ],
    },
];

/// Draws every curve whose lines were all measured, with instructions; says which were not.
pub fn draw(directory: &Path, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    for curve in CURVES {
        let found = |name: &str| rows.iter().find(|row| row.name == name)?.instructions;
        let points: Option<Vec<_>> = curve.points.iter().map(|(x, name)| Some((*x, found(name)?))).collect();
        match points {
            Some(points) => curve.draw(&directory.join(curve.file), &points)?,
            None => println!("{}: not drawn, its instructions were not all counted", curve.file),
        }
    }
    Ok(())
}

impl Curve {
    fn draw(&self, path: &Path, points: &[(f64, f64)]) -> Result<(), Box<dyn Error>> {
        let area = SVGBackend::new(path, (720, 360)).into_drawing_area();
        let text = |size: i32| ("sans-serif", size).into_font().color(&INK);
        let most_x = points.iter().map(|point| point.0).fold(1.0, f64::max);
        let most_y = points.iter().map(|point| point.1).fold(0.0, f64::max) * 1.25;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, text(18))
            .margin(12)
            .margin_right(44)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d((1.0..most_x).log_scale(), 0.0..most_y)?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(INK.mix(0.3))
            .light_line_style(TRANSPARENT)
            .label_style(text(13))
            .x_desc(self.grows)
            .y_desc("instructions")
            .axis_desc_style(text(14))
            .x_label_formatter(&|x| grouped(*x))
            .y_label_formatter(&|y| grouped(*y))
            .draw()?;
        chart.draw_series(LineSeries::new(points.iter().copied(), LINE.stroke_width(2)))?;
        let mark = |point: &(f64, f64)| Circle::new(*point, 4, LINE.filled());
        chart.draw_series(points.iter().map(mark))?;
        area.present()?;
        Ok(())
    }
}

/// A whole number with its thousands apart.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let parts: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    parts.join(",")
}
