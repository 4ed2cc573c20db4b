//! What a person sees in the window: areas of a color, and with them the browser's chip, bar and buttons.

use std::path::Path;

use anyhow::Result;
use image::{Rgb, RgbImage};

use crate::Point;

/// The permission bar's ground, and the chip's.
const QUESTION: [u8; 3] = [0xEC, 0xF2, 0xFF];

/// The ground of a notice.
const CAUTION: [u8; 3] = [0xFF, 0xF3, 0xDC];

/// The ground of the bar's buttons.
const BUTTON: [u8; 3] = [0xFB, 0xFB, 0xFC];

/// By how much a channel may differ from the color that is looked for: drivers round differently.
const TOLERANCE: u8 = 1;

/// The smallest area that counts, in pixels: the holes of letters do not.
const MIN_AREA: (u32, u32) = (24, 12);

/// The smallest button, in pixels.
const MIN_BUTTON: (u32, u32) = (40, 22);

/// The bounds of a connected area of one color, in pixels of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The left edge.
    pub x: u32,
    /// The upper edge.
    pub y: u32,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Area {
    /// Its middle.
    pub fn center(&self) -> Point {
        Point {
            x: self.x + self.width / 2,
            y: self.y + self.height / 2,
        }
    }

    fn contains(&self, other: &Self) -> bool {
        self.x <= other.x
            && self.y <= other.y
            && self.x + self.width >= other.x + other.width
            && self.y + self.height >= other.y + other.height
    }
}

/// The permission bar as it is seen.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Where it is.
    pub area: Area,
    /// Its buttons as they are read.
    pub buttons: Vec<Area>,
    /// Whether a line under the buttons still fills.
    pub is_arming: bool,
}

impl Bar {
    /// *Allow once*, the first button.
    pub fn allow_once(&self) -> Option<Point> {
        self.buttons.first().map(Area::center)
    }

    /// *Not now*, the last button but one.
    pub fn not_now(&self) -> Option<Point> {
        self.buttons.iter().rev().nth(1).map(Area::center)
    }
}

/// A picture of the window.
pub struct Picture(pub RgbImage);

impl Picture {
    /// The areas of a color, from top to bottom and then from left to right.
    pub fn areas(&self, color: [u8; 3]) -> Vec<Area> {
        let (width, height) = self.0.dimensions();
        let has_color = |x: u32, y: u32| {
            let Rgb(pixel) = *self.0.get_pixel(x, y);
            pixel
                .iter()
                .zip(color)
                .all(|(channel, wanted)| channel.abs_diff(wanted) <= TOLERANCE)
        };
        let mut visited = vec![false; width as usize * height as usize];
        let mut areas = Vec::new();
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            let index = |x: u32, y: u32| y as usize * width as usize + x as usize;
            if visited[index(x, y)] || !has_color(x, y) {
                continue;
            }
            visited[index(x, y)] = true;
            let (mut left, mut right, mut bottom) = (x, x, y);
            let mut open = vec![(x, y)];
            while let Some((x, y)) = open.pop() {
                (left, right, bottom) = (left.min(x), right.max(x), bottom.max(y));
                for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
                    let (Some(x), Some(y)) = (x.checked_add_signed(dx), y.checked_add_signed(dy))
                    else {
                        continue;
                    };
                    if x < width && y < height && !visited[index(x, y)] && has_color(x, y) {
                        visited[index(x, y)] = true;
                        open.push((x, y));
                    }
                }
            }
            let area = Area {
                x: left,
                y,
                width: right - left + 1,
                height: bottom - y + 1,
            };
            if area.width >= MIN_AREA.0 && area.height >= MIN_AREA.1 {
                areas.push(area);
            }
        }
        areas
    }

    /// A notice under the toolbar, if there is one: it goes from one side of the window to the other.
    pub fn notice(&self) -> Option<Area> {
        let window = self.0.width();
        self.areas(CAUTION)
            .into_iter()
            .find(|area| area.width + 8 >= window)
    }

    /// The permission bar, if it is open: it goes from one side of the window to the other.
    pub fn bar(&self) -> Option<Bar> {
        let window = self.0.width();
        let area = self
            .areas(QUESTION)
            .into_iter()
            .find(|area| area.width + 8 >= window)?;
        let buttons = self.buttons_in(area);
        let is_arming = buttons.iter().any(|button| self.has_line(button));
        Some(Bar {
            area,
            buttons,
            is_arming,
        })
    }

    /// The buttons in an area, as they are read.
    pub fn buttons_in(&self, area: Area) -> Vec<Area> {
        let mut buttons: Vec<Area> = self
            .areas(BUTTON)
            .into_iter()
            .filter(|button| area.contains(button))
            .filter(|button| button.width >= MIN_BUTTON.0 && button.height >= MIN_BUTTON.1)
            .collect();
        // Buttons of one row may begin a pixel apart.
        buttons.sort_by_key(|button| (button.y / MIN_BUTTON.1, button.x));
        buttons
    }

    /// The quiet chip of a question, if there is one.
    pub fn chip(&self) -> Option<Area> {
        let window = self.0.width();
        self.areas(QUESTION)
            .into_iter()
            .find(|area| area.width < window / 3 && area.height < 40)
    }

    /// The dialog of a page, if one is open: an area like a button's, but large, in the page.
    pub fn dialog(&self) -> Option<Area> {
        self.areas(BUTTON).into_iter().find(|area| {
            area.width > 150 && area.height > 60 && area.width < self.0.width() && area.y > 82
        })
    }

    /// The pixels of an area.
    pub fn part(&self, area: Area) -> Vec<u8> {
        let Area {
            x,
            y,
            width,
            height,
        } = area;
        let part = image::imageops::crop_imm(&self.0, x, y, width, height);
        part.to_image().into_raw()
    }

    /// Whether there is a blue line near a button's lower edge.
    fn has_line(&self, button: &Area) -> bool {
        let rows = (button.y + button.height).saturating_sub(6)..button.y + button.height;
        rows.into_iter().any(|y| {
            let blue = (button.x..button.x + button.width).filter(|&x| {
                let Rgb([red, _, blue]) = *self.0.get_pixel(x, y);
                blue > red.saturating_add(40)
            });
            blue.count() >= 4
        })
    }

    /// Writes it to a PNG file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        Ok(self.0.save(path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(picture: &mut RgbImage, area: Area, color: [u8; 3]) {
        for y in area.y..area.y + area.height {
            for x in area.x..area.x + area.width {
                picture.put_pixel(x, y, Rgb(color));
            }
        }
    }

    fn area(x: u32, y: u32, width: u32, height: u32) -> Area {
        Area {
            x,
            y,
            width,
            height,
        }
    }

    #[test]
    fn a_bar_has_its_buttons_from_left_to_right() {
        let mut picture = RgbImage::from_pixel(400, 300, Rgb([255; 3]));
        fill(&mut picture, area(0, 80, 400, 100), QUESTION);
        let buttons = [
            area(40, 140, 90, 30),
            area(140, 141, 90, 30),
            area(240, 140, 60, 30),
        ];
        for button in buttons {
            fill(&mut picture, button, BUTTON);
        }
        // Text in a button, and the hole of a letter.
        fill(&mut picture, area(50, 148, 20, 10), [0; 3]);
        fill(&mut picture, area(55, 150, 4, 4), BUTTON);
        let picture = Picture(picture);
        let bar = picture.bar().expect("a bar");
        assert_eq!(bar.area, area(0, 80, 400, 100));
        assert_eq!(bar.buttons, buttons);
        assert_eq!(bar.allow_once(), Some(Point { x: 85, y: 155 }));
        assert_eq!(bar.not_now(), Some(Point { x: 185, y: 156 }));
        assert!(!bar.is_arming);
        assert_eq!(picture.chip(), None);
    }

    #[test]
    fn a_chip_is_no_bar() {
        let mut picture = RgbImage::from_pixel(400, 300, Rgb([255; 3]));
        fill(&mut picture, area(300, 50, 80, 24), QUESTION);
        let picture = Picture(picture);
        assert!(picture.bar().is_none());
        assert_eq!(picture.chip(), Some(area(300, 50, 80, 24)));
    }

    #[test]
    fn a_line_under_a_button_says_that_it_is_too_early() {
        let mut picture = RgbImage::from_pixel(400, 300, Rgb([255; 3]));
        fill(&mut picture, area(0, 80, 400, 100), QUESTION);
        fill(&mut picture, area(40, 140, 90, 30), BUTTON);
        fill(&mut picture, area(45, 166, 30, 2), [122, 152, 220]);
        assert!(Picture(picture).bar().is_some_and(|bar| bar.is_arming));
    }
}
