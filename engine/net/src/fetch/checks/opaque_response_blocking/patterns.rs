//! What the first bytes of images, sounds and films look like:
//! [MIME Sniffing](https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern).

/// The image type pattern matching algorithm, with the container of AVIF and HEIF beside the standard's patterns.
pub(super) fn is_image(bytes: &[u8]) -> bool {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..14) == Some(b"WEBPVP");
    let patterns: [&[u8]; 9] = [
        b"\0\0\x01\0",
        b"\0\0\x02\0",
        b"BM",
        b"GIF87a",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        // JPEG XL, bare and in its container.
        b"\xff\x0a",
        b"\0\0\0\x0cJXL \r\n\x87\n",
    ];
    webp || patterns.iter().any(|pattern| bytes.starts_with(pattern))
        || brand(bytes).is_some_and(is_image_brand)
}

/// The audio or video type pattern matching algorithm. Beside the standard's patterns it knows all brands of MP4's
/// container, and FLAC, AAC and Matroska: a server's type is not believed, so what is not recognized cannot be played.
pub(super) fn is_audio_or_video(bytes: &[u8]) -> bool {
    let form = |name: &[u8; 4], kind: &[u8; 4]| {
        bytes.starts_with(name) && bytes.get(8..12) == Some(kind.as_slice())
    };
    let patterns: [&[u8]; 6] = [
        b"ID3",
        b"OggS\0",
        b"MThd\0\0\0\x06",
        b".snd",
        b"fLaC",
        // EBML: WebM and Matroska.
        b"\x1a\x45\xdf\xa3",
    ];
    patterns.iter().any(|pattern| bytes.starts_with(pattern))
        || form(b"FORM", b"AIFF")
        || form(b"RIFF", b"AVI ")
        || form(b"RIFF", b"WAVE")
        || is_mpeg_audio_frame(bytes)
        || brand(bytes).is_some_and(|brand| !is_image_brand(brand))
}

/// The major brand of a file in the container of ISO 14496-12.
fn brand(bytes: &[u8]) -> Option<&[u8]> {
    (bytes.get(4..8) == Some(b"ftyp")).then(|| bytes.get(8..12))?
}

fn is_image_brand(brand: &[u8]) -> bool {
    matches!(
        brand,
        b"avif" | b"avis" | b"heic" | b"heix" | b"mif1" | b"msf1"
    )
}

/// Whether the bytes begin with the header of a frame of MPEG audio: MP3 without ID3, or AAC in ADTS.
///
/// <https://mimesniff.spec.whatwg.org/#signature-for-mp3-without-id3>
fn is_mpeg_audio_frame(bytes: &[u8]) -> bool {
    let &[first, second, third, ..] = bytes else {
        return false;
    };
    if first != 0xff {
        return false;
    }
    let is_adts = second & 0xf6 == 0xf0;
    // Layers II and III: the header of layer I looks like a byte order mark.
    let has_layer =
        second & 0xe0 == 0xe0 && matches!(second & 0x06, 0x02 | 0x04) && second & 0x18 != 0x08;
    let has_rates = third & 0xf0 != 0xf0 && third & 0x0c != 0x0c;
    is_adts || has_layer && has_rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (bytes, image, media) in [
            (&b"\0\0\x01\0..."[..], true, false),
            (b"BM", true, false),
            (b"GIF89a", true, false),
            (b"GIF88a", false, false),
            (b"\x89PNG\r\n\x1a\n", true, false),
            (b"\xff\xd8\xff\xe0", true, false),
            (b"RIFF....WEBPVP8 ", true, false),
            (b"RIFF....WEBP", false, false),
            (b"RIFF....WAVEfmt ", false, true),
            (b"\0\0\0\x20ftypavif", true, false),
            (b"\0\0\0\x20ftypisom", false, true),
            (b"\0\0\0\x20ftyp", false, false),
            (b"OggS\0", false, true),
            (b"\x1a\x45\xdf\xa3", false, true),
            (b"ID3", false, true),
            (b"\xff\xfb\x90\x00", false, true),
            (b"\xff\xf1\x50\x80", false, true),
            (b"\xff\xfb\xf0\x00", false, false),
            (b"\xff\xfea\0", false, false),
            (b"\xfe\xff\0a", false, false),
            (b"\xef\xbb\xbfa", false, false),
            (b"{\"a\": 1}", false, false),
            (b"<html>", false, false),
            (b"", false, false),
        ] {
            assert_eq!(is_image(bytes), image, "{bytes:?}");
            assert_eq!(is_audio_or_video(bytes), media, "{bytes:?}");
        }
    }
}
