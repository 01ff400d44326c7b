//! A screenshot, looked at by numbers.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;

use serde_json::{Value, json};

use super::Fleet;

/// Where a person can look at them.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/screenshots");
/// What smoothing does to the edge of a letter is not that colour any more.
const TOLERANCE: u8 = 24;

pub(super) type Colour = [u8; 3];

pub(super) struct Picture {
    width: usize,
    rows: Vec<Vec<Colour>>,
}

/// A part of a picture: of a page, an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

// === impl Picture ===

impl Picture {
    /// What a browser shows now, which is as large as its window says.
    #[track_caller]
    pub(super) fn take(fleet: &mut Fleet, engine: &str, name: &str) -> Self {
        std::fs::create_dir_all(FOLDER).unwrap();
        let file = format!("{FOLDER}/{name}-{engine}.png");
        fleet.ask(engine, "shoot", json!({ "file": file }));
        let picture = Self::read(&file);
        let size = fleet.run(engine, "[innerWidth, innerHeight]");
        let seen = (picture.width, picture.rows.len());
        assert_eq!(seen, (number(&size[0]), number(&size[1])), "{file}");
        assert!(
            picture.width >= 1000 && picture.rows.len() >= 600,
            "{file}: {size}"
        );
        picture
    }

    fn read(file: &str) -> Self {
        let mut decoder = png::Decoder::new(BufReader::new(File::open(file).unwrap()));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        let samples = frame.color_type.samples();
        let colour = |pixel: &[u8]| [pixel[0], pixel[1], pixel[2]];
        let row = |row: &[u8]| row.chunks(samples).map(colour).collect();
        Self {
            width: usize::try_from(frame.width).unwrap(),
            rows: bytes.chunks(frame.line_size).map(row).collect(),
        }
    }

    /// How many colours it has.
    pub(super) fn colours(&self) -> usize {
        let colours: HashSet<&Colour> = self.rows.iter().flatten().collect();
        colours.len()
    }

    /// How many pixels of a region have about this colour.
    pub(super) fn like(&self, region: Region, colour: Colour) -> usize {
        let is_like = |pixel: &&Colour| {
            let mut pairs = pixel.iter().zip(colour);
            pairs.all(|(is, should)| is.abs_diff(should) <= TOLERANCE)
        };
        self.pixels(region).filter(is_like).count()
    }

    /// How many pixels of a region can be told from this background.
    pub(super) fn unlike(&self, region: Region, background: Colour) -> usize {
        self.pixels(region).count() - self.like(region, background)
    }

    /// What of a region can be seen; an element may reach below the window.
    fn pixels(&self, region: Region) -> impl Iterator<Item = &Colour> {
        let rows = self.rows.iter().skip(region.top).take(region.height);
        rows.flat_map(move |row| row.iter().skip(region.left).take(region.width))
    }

    /// Whether all of a region is within the window.
    pub(super) fn shows(&self, region: Region) -> bool {
        let (right, bottom) = (region.left + region.width, region.top + region.height);
        region.width > 0 && right <= self.width && bottom <= self.rows.len()
    }
}

// === impl Region ===

impl Region {
    /// The elements that a selector finds.
    #[track_caller]
    pub(super) fn of(fleet: &mut Fleet, engine: &str, selector: &str) -> Vec<Self> {
        let script = format!(
            "[...document.querySelectorAll({selector:?})].map((element) => {{
               const {{ left, top, width, height }} = element.getBoundingClientRect();
               return [left, top, width, height].map(Math.round);
             }})"
        );
        let found = fleet.run(engine, &script);
        let region = |values: &Value| Self {
            left: number(&values[0]),
            top: number(&values[1]),
            width: number(&values[2]),
            height: number(&values[3]),
        };
        found.as_array().unwrap().iter().map(region).collect()
    }
}

fn number(value: &Value) -> usize {
    let number = value.as_f64().unwrap();
    assert!((0.0..100_000.0).contains(&number), "{value}");
    format!("{number}").parse().unwrap()
}
